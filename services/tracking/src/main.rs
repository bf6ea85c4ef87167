//! A read-only view of orders and workers over HTTP.

mod api;
mod arguments;
mod conditional;
mod lookups;
mod service;

use std::process::ExitCode;

use config::Config;
use logging::action;
use runtime::{Exit, Shutdown};

use crate::arguments::Arguments;
use crate::service::Service;

const NAME: &str = domain::ServiceName::Tracking.binary();

// The HTTP server has its own threads. For the rest, one thread is cheaper than several that wake
// each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let arguments = Arguments::read()?;
    let config =
        Config::load(arguments.config.clone()).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    if arguments.healthcheck {
        return http_service::health::probe(config.http.bind, arguments.port).await.map_err(Exit::Failed);
    }
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let shutdown =
        Shutdown::on_signals(config.shutdown.grace_seconds).map_err(|why| Exit::failed(NAME, &why))?;
    let (log, _flush) = logging::start(NAME, level);
    let ended = async { Service::build(&arguments, &config, log.clone(), shutdown)?.run().await };
    ended.await.map_err(|why| {
        log.error(action::SERVICE_FAILED, why.to_string(), &why).emit();
        Exit::Logged
    })
}
