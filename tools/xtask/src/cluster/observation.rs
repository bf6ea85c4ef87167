//! What watches the restaurant: the exporter, and after `up --observe` a private Prometheus with
//! the rules of `deploy/observability`, and PostgreSQL's own exporter.

use std::path::{Path, PathBuf};
use std::time::Duration;

use devcluster::{
    Error, PortClaim, PrivatePostgresExporter, PrivatePrometheus, ProcessGuard, PrometheusOptions,
    PrometheusPrograms, ScrapeTarget, ServiceProcess, ensure_postgres_exporter, ensure_prometheus,
    observability,
};
use runtime::{Backoff, Console, clock, with_causes};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::cluster::environment::Environment;
use crate::cluster::record::Member;
use crate::cluster::{folder, limits};

/// The program that has the exporter.
const PROGRAM: &str = "restaurant-ctl";
const EXPORTER: &str = "exporter";
/// The label `job` of our own processes.
pub const JOB: &str = "restaurant";
/// Prometheus' own port, which is taken if another one runs on this machine.
const PROMETHEUS_PORT: u16 = 9090;
/// Short, so that a demo of a few orders can be seen.
const SCRAPE_SECONDS: u8 = 5;
/// Time for the exporter to end. It has nothing to write.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Finds Prometheus, or fetches it.
///
/// # Errors
/// It is not here, and cannot be fetched.
pub async fn programs(console: Console) -> Result<PrometheusPrograms, Error> {
    ensure_prometheus(folder::PACKAGES.as_ref(), &|line| console.note(line)).await
}

/// How the exporter is started.
#[derive(Debug)]
pub struct ExporterLaunch {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// The configuration file, if it is not `./config.yaml`.
    pub config: Option<PathBuf>,
    /// The servers, and the exporter's users on them.
    pub environment: Environment,
    /// The cgroup that it runs in, if there is one.
    pub group: Option<PathBuf>,
    /// Ends it if this process is killed.
    pub guard: ProcessGuard,
}

/// The exporter, and perhaps Prometheus with PostgreSQL's exporter. Dropping it ends all.
#[derive(Debug)]
pub struct Observation {
    exporter: Exporter,
    of_postgres: Option<PrivatePostgresExporter>,
    prometheus: Option<PrivatePrometheus>,
    /// When Prometheus and PostgreSQL's exporter were started, in seconds since 1970.
    since: u64,
    of_postgres_since: u64,
    backoff: Backoff,
    not_before: Instant,
}

impl Observation {
    /// Starts the exporter, and Prometheus if its programs are given. It scrapes the exporter and
    /// these targets, and PostgreSQL's exporter if there is one for this database.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn start(
        launch: ExporterLaunch,
        prometheus: Option<&PrometheusPrograms>,
        mut targets: Vec<ScrapeTarget>,
        database: Option<&config::Database>,
        console: Console,
    ) -> Result<Self, Error> {
        let guard = launch.guard.clone();
        let exporter = Exporter::start(launch).await?;
        targets.push(ScrapeTarget { job: JOB, name: EXPORTER.to_owned(), port: exporter.port.port() });
        let of_postgres = match database {
            Some(database) if prometheus.is_some() => exporter_of(database, &guard, console).await,
            _ => None,
        };
        targets.extend(of_postgres.as_ref().map(|exporter| ScrapeTarget {
            job: "postgresql",
            name: "postgres".to_owned(),
            port: exporter.port(),
        }));
        let options = PrometheusOptions {
            port: PROMETHEUS_PORT,
            targets,
            interval: SCRAPE_SECONDS,
            rules: observability::rules(),
            guard: Some(guard),
        };
        let prometheus = match prometheus {
            Some(programs) => {
                Some(PrivatePrometheus::start(programs, folder::PROMETHEUS.as_ref(), options).await?)
            }
            None => None,
        };
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let since = clock::unix_seconds();
        let (of_postgres_since, not_before) = (since, Instant::now());
        Ok(Self { exporter, of_postgres, prometheus, since, of_postgres_since, backoff, not_before })
    }

    /// The address of Prometheus' pages.
    pub fn url(&self) -> Option<String> {
        self.prometheus.as_ref().map(|prometheus| on_port(prometheus.port()))
    }

    /// Starts again what has ended, and reports it.
    pub async fn revive(&mut self, console: Console) {
        if Instant::now() < self.not_before {
            return;
        }
        let mut outcomes = Vec::new();
        if !self.exporter.is_running() {
            console.warn(&format!("the exporter has ended (see '{}'); starting it again", log().display()));
            outcomes.push(self.exporter.restart().await);
        }
        if let Some(exporter) = &mut self.of_postgres
            && !exporter.is_running()
        {
            let log = exporter.log();
            console.warn(&format!(
                "PostgreSQL's exporter has ended (see '{}'); starting it again",
                log.display()
            ));
            outcomes.push(exporter.restart().await);
            self.of_postgres_since = clock::unix_seconds();
        }
        if let Some(prometheus) = &mut self.prometheus
            && !prometheus.is_running()
        {
            let log = prometheus.log();
            console.warn(&format!("Prometheus has ended (see '{}'); starting it again", log.display()));
            outcomes.push(prometheus.restart().await);
            self.since = clock::unix_seconds();
        }
        for why in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            console.warn(&with_causes(why));
        }
        if !outcomes.is_empty() {
            self.not_before = Instant::now() + self.backoff.next_pause();
        }
    }

    /// Ends all, with everything written.
    pub async fn close(&mut self) {
        if let Some(prometheus) = &mut self.prometheus {
            prometheus.stop().await;
        }
        if let Some(exporter) = &mut self.of_postgres {
            exporter.stop().await;
        }
        self.exporter.process.process.stop(Signal::TERM, STOP_LIMIT).await;
    }

    /// Kills all.
    pub fn kill(&mut self) {
        if let Some(prometheus) = &mut self.prometheus {
            prometheus.kill();
        }
        if let Some(exporter) = &mut self.of_postgres {
            exporter.kill();
        }
        self.exporter.process.process.kill();
    }

    /// The members for the record.
    pub fn members(&mut self) -> Vec<Member> {
        let exporter = self.exporter.is_running().then(|| self.exporter.process.process.pid());
        let mut members = vec![member(EXPORTER, exporter, self.exporter.url(), self.exporter.since)];
        if let Some(exporter) = &mut self.of_postgres {
            let (pid, url) = (exporter.is_running().then(|| exporter.pid()), on_port(exporter.port()));
            members.push(member("postgres-exporter", pid, url, self.of_postgres_since));
        }
        let url = self.url();
        if let (Some(prometheus), Some(url)) = (&mut self.prometheus, url) {
            let pid = prometheus.is_running().then(|| prometheus.pid());
            members.push(member("prometheus", pid, url, self.since));
        }
        members
    }
}

fn on_port(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// PostgreSQL's own exporter, which logs in as these settings say. Without it only a dashboard is
/// empty, so that is no error.
async fn exporter_of(
    database: &config::Database,
    guard: &ProcessGuard,
    console: Console,
) -> Option<PrivatePostgresExporter> {
    let (packages, logs) = (Path::new(folder::PACKAGES), Path::new(folder::PROMETHEUS));
    let started = match ensure_postgres_exporter(packages, &|line| console.note(line)).await {
        Ok(program) => PrivatePostgresExporter::start(&program, logs, database, Some(guard)).await,
        Err(why) => Err(why),
    };
    match started {
        Ok(exporter) => Some(exporter),
        Err(why) => {
            console.warn(&format!("Prometheus gets no metrics of PostgreSQL: {}", with_causes(&why)));
            None
        }
    }
}

fn member(name: &str, pid: Option<u32>, url: String, since: u64) -> Member {
    Member {
        name: name.to_owned(),
        pid,
        state: if pid.is_some() { "running" } else { "ended" }.to_owned(),
        address: Some(url),
        since: pid.map(|_| since),
        trouble: None,
    }
}

/// `restaurant-ctl exporter`.
#[derive(Debug)]
struct Exporter {
    launch: ExporterLaunch,
    port: PortClaim,
    process: ServiceProcess,
    /// In seconds since 1970.
    since: u64,
}

impl Exporter {
    async fn start(launch: ExporterLaunch) -> Result<Self, Error> {
        let port = PortClaim::of(0).map_err(Error::NoPort)?;
        let process = launch.start(port.port()).await?;
        Ok(Self { launch, port, process, since: clock::unix_seconds() })
    }

    async fn restart(&mut self) -> Result<(), Error> {
        self.process = self.launch.start(self.port.port()).await?;
        self.since = clock::unix_seconds();
        Ok(())
    }

    fn is_running(&mut self) -> bool {
        self.process.process.ended().is_none()
    }

    fn url(&self) -> String {
        on_port(self.port.port())
    }
}

impl ExporterLaunch {
    async fn start(&self, port: u16) -> Result<ServiceProcess, Error> {
        let program = self.programs.join(PROGRAM);
        let mut command = limits::command_in(self.group.as_deref(), &program);
        command.args([EXPORTER, &format!("--port={port}")]);
        self.environment.give_to(&mut command);
        // Prometheus looks for it there.
        command.env("ADMIN_BIND", "127.0.0.1");
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        ServiceProcess::start(command, &log(), &self.guard).await
    }
}

fn log() -> PathBuf {
    folder::log(EXPORTER)
}
