//! A private Prometheus, and `promtool`: found on this machine, or fetched.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runtime::http_client::{Request, send};
use rustix::process::Signal;

use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, one_port, wait_until};
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with};
use crate::{Error, ProcessGuard, tool};

const VERSION_LIMIT: Duration = Duration::from_secs(20);
const READY_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// Time for all tests of the rules.
const TOOL_LIMIT: Duration = Duration::from_mins(3);
/// How long it keeps what it has scraped.
const RETENTION: &str = "2d";
const SERVER: &str = "prometheus";
const PROMTOOL: &str = "promtool";
/// Debian's pages, which the program looks for at this place of the system.
const PAGES: &str = "usr/share/prometheus/web";

/// The server and its tool.
#[derive(Clone, Debug)]
pub struct PrometheusPrograms {
    server: PathBuf,
    promtool: PathBuf,
    /// The pages of unpacked packages.
    pages: Option<PathBuf>,
}

impl PrometheusPrograms {
    /// The name of their package.
    pub(crate) const PACKAGE: &str = "prometheus";

    /// The system's programs, or those unpacked in `packages`, if they can be run.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let unpacked = absolute(packages).join(Self::PACKAGE);
        let bin = unpacked.join("usr/bin");
        let of_packages = Self {
            server: bin.join(SERVER),
            promtool: bin.join(PROMTOOL),
            pages: Some(unpacked.join(PAGES)),
        };
        for found in Self::of_system().into_iter().chain([of_packages]) {
            if is_prometheus(&found.server).await && is_prometheus(&found.promtool).await {
                return Some(found);
            }
        }
        None
    }

    fn of_system() -> Option<Self> {
        let (server, promtool) = (folder_with(SERVER)?.join(SERVER), folder_with(PROMTOOL)?.join(PROMTOOL));
        Some(Self { server, promtool, pages: None })
    }

    /// Runs `promtool` with these arguments, and returns what it says.
    ///
    /// # Errors
    /// It cannot be run, or is not content. The error has the end of its output.
    pub async fn promtool(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = command(&self.promtool);
        command.args(arguments);
        tool::run(command.into(), TOOL_LIMIT).await
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(tool::clean_environment());
    command
}

/// Other programs have the same name. Both of these say it in front of their version.
async fn is_prometheus(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut command = command(program);
    command.arg("--version");
    let said = tool::run(command.into(), VERSION_LIMIT).await;
    said.is_ok_and(|said| said.starts_with(&format!("{name}, version ")))
}

/// A process on 127.0.0.1 that shows metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// Its label `job`, which needs no quotes in YAML.
    pub job: &'static str,
    /// Its label `instance`.
    pub name: String,
    /// Where it answers `GET /metrics`.
    pub port: u16,
}

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct PrometheusOptions {
    /// The preferred port; another one is chosen if it is taken. 0: any.
    pub port: u16,
    /// What it scrapes.
    pub targets: Vec<ScrapeTarget>,
    /// How often, in seconds.
    pub interval: u8,
    /// The file with its rules.
    pub rules: PathBuf,
    /// Ends the server if its owner is killed.
    pub guard: Option<ProcessGuard>,
}

impl PrometheusOptions {
    /// The configuration file. A string of JSON is one of YAML.
    fn text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "global: {{ scrape_interval: {0}s, evaluation_interval: {0}s }}\n\
             rule_files: [{1}]\n\
             scrape_configs:\n",
            self.interval,
            quoted(&self.rules.to_string_lossy())
        );
        let jobs: BTreeSet<&str> = self.targets.iter().map(|target| target.job).collect();
        for job in jobs {
            let _ = writeln!(text, "  - job_name: {job}\n    static_configs:");
            for ScrapeTarget { name, port, .. } in self.targets.iter().filter(|target| target.job == job) {
                let target = quoted(&format!("127.0.0.1:{port}"));
                let instance = quoted(name);
                let _ =
                    writeln!(text, "      - {{ targets: [{target}], labels: {{ instance: {instance} }} }}");
            }
        }
        text
    }
}

/// A running private Prometheus.
pub type PrivatePrometheus = PrivateServer<Prometheus>;

/// What a Prometheus is started with.
#[derive(Debug)]
pub struct Prometheus {
    programs: PrometheusPrograms,
    folder: PathBuf,
    options: PrometheusOptions,
}

impl PrivatePrometheus {
    /// Starts a server with its data, settings and log in `folder`, and waits until it answers.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn start(
        programs: &PrometheusPrograms,
        folder: &Path,
        options: PrometheusOptions,
    ) -> Result<Self, Error> {
        let (programs, folder) = (programs.clone(), folder_at(folder)?);
        Self::launch(Prometheus { programs, folder, options }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports
    }
}

impl ServerKind for Prometheus {
    const NAME: &str = "Prometheus";
    const LOG: &str = "prometheus.log";
    const STOP: Signal = Signal::TERM;
    const STOP_LIMIT: Duration = Duration::from_secs(10);
    type Ports = u16;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn claim_ports(&self, preferred: bool) -> Result<(u16, Vec<PortClaim>), Error> {
        one_port(if preferred { self.options.port } else { 0 })
    }

    async fn launch(&mut self, port: u16, log: &LogFile) -> Result<Running, Error> {
        let settings = self.folder.join("prometheus.yml");
        fs::write(&settings, self.options.text()).map_err(Error::file("write", &settings))?;
        let mut command = command(&self.programs.server);
        command
            .current_dir(&self.folder)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--storage.tsdb.retention.time={RETENTION}"))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        if let Some(pages) = &self.programs.pages {
            command.arg(format!("--web.local-assets={}/", pages.display()));
        }
        let mut server = OwnedProcess::spawn(command, log, self.options.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            let answer = send(port, &Request::get("/-/ready"), PROBE_LIMIT).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await?;
        Ok(Running { server, helper: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_name_rules_and_targets() {
        let target = |job, name: &str, port| ScrapeTarget { job, name: name.to_owned(), port };
        let targets = vec![
            target("restaurant", "chef \"anna\"", 7),
            target("rabbitmq", "rabbitmq", 8),
            target("restaurant", "order", 9),
        ];
        let rules = PathBuf::from("/a folder/rules.yaml");
        let options = PrometheusOptions { port: 0, targets, interval: 5, rules, guard: None };
        assert_eq!(
            options.text(),
            "global: { scrape_interval: 5s, evaluation_interval: 5s }\n\
             rule_files: [\"/a folder/rules.yaml\"]\n\
             scrape_configs:\n  \
             - job_name: rabbitmq\n    static_configs:\n      \
             - { targets: [\"127.0.0.1:8\"], labels: { instance: \"rabbitmq\" } }\n  \
             - job_name: restaurant\n    static_configs:\n      \
             - { targets: [\"127.0.0.1:7\"], labels: { instance: \"chef \\\"anna\\\"\" } }\n      \
             - { targets: [\"127.0.0.1:9\"], labels: { instance: \"order\" } }\n"
        );
    }
}
