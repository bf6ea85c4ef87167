//! The command line of the kitchen worker (specification, "Flags").

#![expect(clippy::doc_markdown, reason = "these comments are the text of --help")]

use std::path::PathBuf;
use std::time::Duration;

use argh::FromArgs;
use deadlines::kitchen::HEARTBEAT_INTERVAL;
use domain::{Specialisation, WorkerName};
use runtime::{Exit, arguments};

use crate::NAME;

/// Takes orders from RabbitMQ, cooks them, and publishes every status change.
#[derive(FromArgs, Debug)]
struct CommandLine {
    /// accepted for the wrapper's sake; must be kitchen-worker
    #[argh(option)]
    mode: Option<String>,
    /// unique name of the worker, such as chef_mario (required)
    #[argh(option)]
    worker_name: Option<WorkerName>,
    /// types of order to cook, separated by commas: dine_in, takeout, delivery
    /// (default: everything)
    #[argh(option)]
    order_types: Option<Specialisation>,
    /// seconds between two heartbeats, 1 to 3600 (default 30)
    #[argh(option, default = "HEARTBEAT_INTERVAL.as_secs()")]
    heartbeat_interval: u64,
    /// most orders held at once, cooking or waiting, 1 to 1000 (default: as --concurrency)
    #[argh(option)]
    prefetch: Option<u16>,
    /// orders cooked at the same time, 1 to 1000, at most --prefetch (default 1)
    #[argh(option, default = "1")]
    concurrency: u16,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// ask whether both servers can be reached and, with --worker-name, whether that worker is
    /// alive; exit code 0 if so
    #[argh(switch)]
    healthcheck: bool,
}

/// The parsed arguments.
#[derive(Clone, Debug)]
pub struct Arguments {
    pub config: Option<PathBuf>,
    pub task: Task,
}

/// What the program was started for: to work, or to check a worker's health.
#[derive(Clone, Debug)]
pub enum Task {
    Work(WorkerSettings),
    HealthCheck(Option<WorkerName>),
}

/// The settings that differ between workers.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    pub name: WorkerName,
    pub specialisation: Specialisation,
    pub heartbeat_interval: Duration,
    pub prefetch: u16,
    pub concurrency: u16,
}

impl Arguments {
    /// Parses and checks the arguments of this process.
    ///
    /// # Errors
    /// The output of `--help`, or a usage error.
    pub fn read() -> Result<Self, Exit> {
        let read: CommandLine = arguments::parse(NAME)?;
        arguments::check_mode(read.mode.as_deref(), NAME)?;
        if read.healthcheck {
            return Ok(Self { config: read.config, task: Task::HealthCheck(read.worker_name) });
        }
        let Some(name) = read.worker_name else {
            return Err(Exit::Usage(format!(
                "{NAME}: --worker-name is missing; every worker has a unique name, such as chef_mario"
            )));
        };
        let prefetch = read.prefetch.unwrap_or(read.concurrency);
        let within = |flag: &str, value: u64, max: u64| match value {
            value if (1..=max).contains(&value) => Ok(()),
            _ => Err(Exit::Usage(format!("{NAME}: --{flag} is {value} (allowed: 1 to {max})"))),
        };
        within("heartbeat-interval", read.heartbeat_interval, 3_600)?;
        within("concurrency", read.concurrency.into(), 1_000)?;
        within("prefetch", prefetch.into(), 1_000)?;
        if read.concurrency > prefetch {
            let text = format!(
                "{NAME}: --concurrency is {} and --prefetch {prefetch}: a worker cannot cook more orders than it holds. Raise --prefetch",
                read.concurrency
            );
            return Err(Exit::Usage(text));
        }
        Ok(Self {
            config: read.config,
            task: Task::Work(WorkerSettings {
                name,
                specialisation: read.order_types.unwrap_or(Specialisation::General),
                heartbeat_interval: Duration::from_secs(read.heartbeat_interval),
                prefetch,
                concurrency: read.concurrency,
            }),
        })
    }
}
