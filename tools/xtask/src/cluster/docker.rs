//! Both servers as containers, from the project's compose file.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use devcluster::tool;
use runtime::with_causes;
use tokio::process::Command;
use tokio::time::timeout;

const FILE: &str = "deploy/docker/compose.yaml";
/// Makes the passwords and certificates that the file names, unless they are there.
const MAKE_SECRETS: &str = "deploy/docker/make-secrets";
/// A working engine answers at once.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// Includes the download of images.
const START_LIMIT: Duration = Duration::from_mins(15);
const STOP_LIMIT: Duration = Duration::from_mins(2);
/// Used when the user demands an immediate end.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// The compose file under a project name of its own, so that a deployment from the same file is
/// never touched.
#[derive(Clone, Debug)]
pub struct Compose {
    /// The common name of its containers and volumes.
    pub project: String,
    /// The host ports to insert into the file.
    ports: Vec<(&'static str, u16)>,
    /// The services whose containers run for us or soon will. They are recorded before they are
    /// started, so that a partial start is stopped too.
    pub services: Vec<&'static str>,
}

impl Compose {
    /// Finds the compose file and a Docker engine that answers.
    pub async fn find(project: String) -> Option<Self> {
        if !Path::new(FILE).is_file() {
            return None;
        }
        let mut command = Command::new("docker");
        command.args(["info", "--format", "{{.ServerVersion}}"]);
        let version = answer(command).await?;
        (!version.is_empty()).then_some(Self { project, ports: Vec::new(), services: Vec::new() })
    }

    /// Publishes a container's port on this one. `variable` is its name in the compose file.
    pub fn publish(&mut self, variable: &'static str, port: u16) {
        self.ports.push((variable, port));
    }

    /// Whether a service's container runs.
    pub async fn is_running(&self, service: &str) -> bool {
        let mut command = self.command();
        command.args(["ps", "--status", "running", "--quiet", service]);
        answer(command).await.is_some_and(|containers| !containers.is_empty())
    }

    /// The port of this machine on which a container's port is published. The error is one line.
    pub async fn port(&self, service: &str, port: u16) -> Result<u16, String> {
        let mut command = self.command();
        command.args(["port", service, &port.to_string()]);
        let answer = answer(command).await.unwrap_or_default();
        let published = answer.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        published.ok_or_else(|| format!("Docker does not say where {service} listens"))
    }

    /// Starts services, and waits until they are healthy. Docker shows its own progress. The error
    /// is one line, here and below.
    pub async fn start(&self, services: &[&str]) -> Result<(), String> {
        if Path::new(MAKE_SECRETS).is_file() {
            let made = tool::run(Command::new(MAKE_SECRETS), START_LIMIT).await;
            made.map_err(|why| format!("'{MAKE_SECRETS}' failed: {}", with_causes(&why)))?;
        }
        self.run(&[&["up", "--detach", "--wait"], services].concat(), START_LIMIT).await
    }

    /// Stops our services. Their data is kept.
    pub async fn stop(&self) -> Result<(), String> {
        self.run(&[&["stop"], self.services.as_slice()].concat(), STOP_LIMIT).await
    }

    /// Kills our services. Their data is kept.
    pub async fn kill(&self) -> Result<(), String> {
        self.run(&[&["kill"], self.services.as_slice()].concat(), KILL_LIMIT).await
    }

    /// Removes the containers and their data.
    pub async fn remove(&self) -> Result<(), String> {
        self.run(&["down", "--volumes"], STOP_LIMIT).await
    }

    /// The content of a file with one of the containers' passwords.
    pub fn secret(name: &str) -> Result<String, String> {
        let path = format!("deploy/docker/secrets/{name}");
        let text = std::fs::read_to_string(&path).map_err(|_| format!("{path} cannot be read"))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.args(["compose", "--file", FILE, "--project-name", &self.project]);
        command.envs(self.ports.iter().map(|(name, port)| (name, port.to_string())));
        command
    }

    async fn run(&self, arguments: &[&str], limit: Duration) -> Result<(), String> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let shown = format!("docker compose {}", arguments.join(" "));
        match timeout(limit, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("'{shown}' failed ({status})")),
            Ok(Err(why)) => Err(format!("cannot run '{shown}': {why}")),
            Err(_) => Err(format!("'{shown}' did not finish within {} s", limit.as_secs())),
        }
    }
}

/// The output of a command, if it ends quickly and successfully.
async fn answer(command: Command) -> Option<String> {
    let text = tool::run(command, QUESTION_LIMIT).await.ok()?;
    Some(text.trim().to_owned())
}
