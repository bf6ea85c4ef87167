//! Both servers as containers, by the project's compose file.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// An engine that works answers at once.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// The images may have to be fetched.
const START_LIMIT: Duration = Duration::from_mins(15);
const STOP_LIMIT: Duration = Duration::from_mins(2);

/// The compose file, and the host's ports that are put into it.
#[derive(Clone, Debug)]
pub struct Compose {
    file: PathBuf,
    ports: Vec<(&'static str, u16)>,
}

impl Compose {
    /// The project's, if it is here and a Docker engine answers.
    pub async fn find() -> Option<Self> {
        let file = PathBuf::from("deploy/docker/compose.yaml");
        if !file.is_file() {
            return None;
        }
        let mut command = Command::new("docker");
        command.args(["info", "--format", "{{.ServerVersion}}"]);
        let version = answer(command).await?;
        (!version.is_empty()).then_some(Self { file, ports: Vec::new() })
    }

    /// Publishes a container's port on this one; `variable` is its name in the compose file.
    pub fn publish(&mut self, variable: &'static str, port: u16) {
        self.ports.push((variable, port));
    }

    /// Whether a service's container runs.
    pub async fn is_running(&self, service: &str) -> bool {
        let mut command = self.command();
        command.args(["ps", "--status", "running", "--quiet", service]);
        answer(command).await.is_some_and(|containers| !containers.is_empty())
    }

    /// On which port of this machine a container's port is published.
    pub async fn port(&self, service: &str, port: u16) -> Option<u16> {
        let mut command = self.command();
        command.args(["port", service, &port.to_string()]);
        answer(command).await?.rsplit_once(':')?.1.parse().ok()
    }

    /// Starts services and waits until they are healthy; Docker shows its own progress. An error says in one line what went
    /// wrong.
    pub async fn start(&self, services: &[&str]) -> Result<(), String> {
        self.run(&[&["up", "--detach", "--wait"], services].concat(), START_LIMIT).await
    }

    /// Stops services; their data stays.
    pub async fn stop(&self, services: &[&str]) -> Result<(), String> {
        self.run(&[&["stop"], services].concat(), STOP_LIMIT).await
    }

    /// Removes containers and data.
    pub async fn remove(&self) -> Result<(), String> {
        self.run(&["down", "--volumes"], STOP_LIMIT).await
    }

    /// What is in one of the files that hold the containers' passwords.
    pub fn secret(&self, name: &str) -> Option<String> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let text = std::fs::read_to_string(folder.join("secrets").join(name)).ok()?;
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("compose").arg("--file").arg(&self.file);
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

/// What a command says, if it says so quickly and ends well.
async fn answer(mut command: Command) -> Option<String> {
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(QUESTION_LIMIT, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
