//! The command line of the kitchen worker (specification, "Flags").

#![expect(clippy::doc_markdown, reason = "these comments are the text of --help")]

use std::path::PathBuf;
use std::time::Duration;

use argh::FromArgs;
use config::Config;
use deadlines::kitchen::HEARTBEAT_INTERVAL;
use domain::{ServiceName, Specialisation, WorkerName};
use runtime::Exit;
use service::{CommonArguments, Process, Service};

use crate::error::ServiceError;
use crate::service::{Worker, WorkerMode, WorkerSettings};
use crate::{NAME, health};

/// The port of a manual worker's page by default.
const MANUAL_PORT: u16 = 3003;
/// How many tickets a manual worker has by default: as many as fit a screen, and have a key. What
/// is on its page is in no other cook's hands.
const MANUAL_PREFETCH: u16 = 10;

/// Takes orders from RabbitMQ, cooks them, and publishes every status change.
#[derive(FromArgs, Debug)]
pub struct Arguments {
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
    /// most orders held at once, cooking or waiting, 1 to 1000 (default: as --concurrency; with
    /// --manual 10)
    #[argh(option)]
    prefetch: Option<u16>,
    /// orders cooked at the same time, 1 to 1000, at most --prefetch (default 1); not with
    /// --manual
    #[argh(option)]
    concurrency: Option<u16>,
    /// a person cooks: orders become tickets on a page, where they are started and are ready
    #[argh(switch)]
    manual: bool,
    /// HTTP port of that page (default 3003; 0 lets the system choose); only with --manual
    #[argh(option)]
    port: Option<u16>,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// ask the worker that runs here, on admin.port. With --worker-name, or if admin.port is not
    /// set, ask whether both servers can be reached and that worker is alive; exit code 0 if so
    #[argh(switch)]
    healthcheck: bool,
}

impl Service for Arguments {
    const NAME: ServiceName = ServiceName::Kitchen;
    type Settings = WorkerSettings;
    type Error = ServiceError;

    fn common(&self) -> CommonArguments {
        let Self { mode, config, healthcheck, .. } = self;
        CommonArguments { mode: mode.clone(), config: config.clone(), healthcheck: *healthcheck }
    }

    fn port(&self) -> Option<u16> {
        self.manual.then(|| self.port.unwrap_or(MANUAL_PORT))
    }

    fn settings(self) -> Result<WorkerSettings, Exit> {
        let Some(name) = self.worker_name else {
            return Err(Exit::Usage(format!(
                "{NAME}: --worker-name is missing; every worker has a unique name, such as chef_mario"
            )));
        };
        let within = |flag: &str, value: u64, max: u64| match value {
            value if (1..=max).contains(&value) => Ok(()),
            _ => Err(Exit::Usage(format!("{NAME}: --{flag} is {value} (allowed: 1 to {max})"))),
        };
        within("heartbeat-interval", self.heartbeat_interval, 3_600)?;
        let mode = if self.manual {
            if self.concurrency.is_some() {
                return Err(Exit::Usage(format!(
                    "{NAME}: --concurrency goes without --manual: the person decides how many orders cook at once. Leave it out; --prefetch says how many tickets there are"
                )));
            }
            WorkerMode::Manual { port: self.port.unwrap_or(MANUAL_PORT) }
        } else {
            if self.port.is_some() {
                return Err(Exit::Usage(format!(
                    "{NAME}: --port goes with --manual only: without a person who cooks there is no page. Add --manual, or leave --port out"
                )));
            }
            WorkerMode::Timed { concurrency: self.concurrency.unwrap_or(1) }
        };
        let (most_cooking, default_prefetch) = match mode {
            WorkerMode::Timed { concurrency } => (concurrency, concurrency),
            WorkerMode::Manual { .. } => (1, MANUAL_PREFETCH),
        };
        let prefetch = self.prefetch.unwrap_or(default_prefetch);
        within("concurrency", most_cooking.into(), 1_000)?;
        within("prefetch", prefetch.into(), 1_000)?;
        if most_cooking > prefetch {
            let text = format!(
                "{NAME}: --concurrency is {most_cooking} and --prefetch {prefetch}: a worker cannot cook more orders than it holds. Raise --prefetch"
            );
            return Err(Exit::Usage(text));
        }
        Ok(WorkerSettings {
            name,
            specialisation: self.order_types.unwrap_or(Specialisation::General),
            heartbeat_interval: Duration::from_secs(self.heartbeat_interval),
            prefetch,
            mode,
        })
    }

    /// A worker that is named may run on another machine.
    fn is_asked_by_its_admin_port(&self) -> bool {
        self.worker_name.is_none()
    }

    async fn healthcheck(self, config: &Config) -> Result<(), Exit> {
        health::check(self.worker_name, config).await.map_err(Exit::Failed)
    }

    async fn run(settings: WorkerSettings, process: Process) -> Result<(), ServiceError> {
        match Worker::build(settings, process).await? {
            Some(worker) => worker.run().await,
            None => Ok(()),
        }
    }
}
