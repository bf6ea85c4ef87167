//! What the figures were measured on: they mean nothing without it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use servers::tool;
use tokio::process::Command;

use crate::cluster::Cluster;

const LIMIT: Duration = Duration::from_secs(10);
const UNKNOWN: &str = "unknown";

/// The machine, the servers, and the system under test.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// Main memory in GB (10^9 bytes).
    pub memory: f64,
    /// Name and version of the kernel.
    pub kernel: String,
    /// Version of PostgreSQL.
    pub postgres: String,
    /// Version of RabbitMQ.
    pub rabbitmq: String,
    /// Commit of the source, with a mark if there are changes.
    pub commit: String,
    /// Version of the compiler.
    pub compiler: String,
    /// How many processes wanted the cores in the minute before, on average.
    pub load: String,
}

impl Machine {
    /// Looks at everything; `load` is from before the servers were started. What cannot be found out is "unknown".
    pub async fn describe(cluster: &Cluster, source: &Path, load: String) -> Self {
        let of_source = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(source);
            said(command)
        };
        let mut postgres = cluster.postgres.admin().client("postgres", "postgres");
        postgres.arg("--version");
        let overview = cluster.ask_rabbitmq("/api/overview").await.unwrap_or_default();
        let overview: serde_json::Value = serde_json::from_str(&overview).unwrap_or_default();
        Self {
            processor: after_colon("/proc/cpuinfo", "model name").unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory: memory().unwrap_or(0.0),
            kernel: of_source("uname", &["-sr"]).await,
            postgres: said(postgres).await,
            rabbitmq: overview
                .get("rabbitmq_version")
                .and_then(serde_json::Value::as_str)
                .unwrap_or(UNKNOWN)
                .to_owned(),
            commit: of_source("git", &["describe", "--always", "--dirty=, changed"]).await,
            compiler: of_source("rustc", &["--version"]).await,
            load,
        }
    }

    /// Whether so much else runs that the figures mean little.
    pub fn is_busy(&self) -> bool {
        self.load.parse::<f64>().is_ok_and(|load| load > 0.5)
    }

    /// A line for each, name and value.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Processor", format!("{}, {} cores", self.processor, self.cores)),
            ("Memory", format!("{:.0} GB", self.memory)),
            ("Kernel", self.kernel.clone()),
            ("PostgreSQL", format!("{}; fsync and synchronous_commit on", self.postgres)),
            ("RabbitMQ", self.rabbitmq.clone()),
            ("Commit", self.commit.clone()),
            ("Compiler", self.compiler.clone()),
            ("Load before", self.load.clone()),
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

/// The first number of /proc/loadavg.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or(UNKNOWN).to_owned()
}
