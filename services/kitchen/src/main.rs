//! Cooks orders, each once and only once.

mod arguments;
mod claim_batcher;
mod cook;
mod cooking_times;
mod dead_letter;
mod error;
mod forwarding;
mod health;
mod in_flight;
mod retry;
mod service;
mod status_publisher;
mod worker_session;

use std::process::ExitCode;

use config::Config;
use runtime::{Exit, Shutdown};

use crate::arguments::{Arguments, Task};
use crate::service::Service;

const NAME: &str = domain::ServiceName::Kitchen.binary();

// A worker mostly waits, so one thread is cheaper than several that wake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let arguments = Arguments::read()?;
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    let worker = match arguments.task {
        Task::Work(worker) => worker,
        Task::HealthCheck(name) => return health::check(name, &config).await.map_err(Exit::Failed),
    };
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let shutdown =
        Shutdown::on_signals(config.shutdown.grace_seconds).map_err(|why| Exit::failed(NAME, &why))?;
    let (log, _flush) = logging::start(NAME, level);
    let ended = async {
        match Service::build(worker, &config, log.clone(), shutdown).await? {
            Some(service) => service.run().await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|why| {
        log.error(why.action(), why.to_string(), &why).emit();
        Exit::Logged
    })
}
