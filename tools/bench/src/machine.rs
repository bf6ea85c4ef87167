//! Describes the machine of a run, without which the figures mean nothing.

use std::fs;
use std::time::Duration;

use devcluster::{project, tool};
use serde::Serialize;
use tokio::process::Command;
use tokio::time::sleep;

use crate::cluster::Cluster;

const LIMIT: Duration = Duration::from_secs(10);
const UNKNOWN: &str = "unknown";
/// Share of the processor time from which on other programs distort the figures.
const MUCH: f64 = 0.1;

/// The machine, the servers, and the system under test.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processor model.
    pub processor: String,
    /// Number of cores that this process may use.
    pub cores: usize,
    /// Main memory in GB (10^9 bytes).
    pub memory: f64,
    /// Name and version of the kernel.
    pub kernel: String,
    /// Version of PostgreSQL.
    pub postgres: String,
    /// Version of RabbitMQ.
    pub rabbitmq: String,
    /// Commit of the source, with a mark if there are uncommitted changes.
    pub commit: String,
    /// Version of the compiler.
    pub compiler: String,
    /// Share of the processor time in use during the second before the run, in percent.
    pub busy_before: String,
    /// Whether that share is too high for meaningful figures.
    pub is_busy: bool,
}

impl Machine {
    /// Collects the description. `busy_before` was measured before the servers were started. Values
    /// that cannot be determined are "unknown".
    pub async fn describe(cluster: &Cluster, busy_before: Option<f64>) -> Self {
        let of_source = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(project::root());
            said(command)
        };
        let mut postgres = cluster.postgres.admin().client("postgres", "postgres");
        postgres.arg("--version");
        let overview = cluster.ask_rabbitmq("/api/overview").await.unwrap_or_default();
        let rabbitmq = overview.get("rabbitmq_version").and_then(|version| version.as_str());
        Self {
            processor: after_colon("/proc/cpuinfo", "model name").unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory: memory().unwrap_or(0.0),
            kernel: of_source("uname", &["-sr"]).await,
            postgres: said(postgres).await,
            rabbitmq: rabbitmq.unwrap_or(UNKNOWN).to_owned(),
            commit: of_source("git", &["describe", "--always", "--dirty=, changed"]).await,
            compiler: of_source("rustc", &["--version"]).await,
            busy_before: busy_before
                .map_or_else(|| UNKNOWN.to_owned(), |share| format!("{:.0} %", share * 100.0)),
            is_busy: busy_before.is_some_and(|share| share > MUCH),
        }
    }

    /// One line per property: name and value.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Processor", format!("{}, {} cores", self.processor, self.cores)),
            ("Memory", format!("{:.0} GB", self.memory)),
            ("Kernel", self.kernel.clone()),
            ("PostgreSQL", format!("{}; fsync and synchronous_commit on", self.postgres)),
            ("RabbitMQ", self.rabbitmq.clone()),
            ("Commit", self.commit.clone()),
            ("Compiler", self.compiler.clone()),
            ("Busy before", self.busy_before.clone()),
        ]
    }
}

async fn said(command: Command) -> String {
    match tool::run(command, LIMIT).await {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn after_colon(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> Option<f64> {
    let text = after_colon("/proc/meminfo", "MemTotal")?;
    let kibibytes: f64 = text.trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1_024.0 / 1e9)
}

/// Share of the processor time in use, 0 to 1, measured for a second.
pub async fn busy_share() -> Option<f64> {
    let look = || cores_time(&fs::read_to_string("/proc/stat").ok()?);
    let (idle_before, all_before) = look()?;
    sleep(Duration::from_secs(1)).await;
    let (idle, all) = look()?;
    Some(1.0 - (idle - idle_before) / (all - all_before).max(1.0))
}

/// Idle and total time of all cores in ticks, from the first line of /proc/stat (proc(5)).
fn cores_time(stat: &str) -> Option<(f64, f64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<f64> = line.split_whitespace().map_while(|time| time.parse().ok()).collect();
    // User, nice, system, idle, waiting for a disk. The time of virtual machines is included in
    // user.
    Some((times.get(3)? + times.get(4)?, times.iter().take(8).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_disk_is_idle() {
        let stat = "cpu  10 1 5 70 4 0 1 9 3 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        assert_eq!(cores_time(stat), Some((74.0, 100.0)));
        assert_eq!(cores_time("nonsense"), None);
    }
}
