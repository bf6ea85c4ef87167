//! Takes orders over HTTP, stores them and sends them to the kitchen.

mod admission;
mod arguments;
mod changes;
mod http;
mod placing;
mod readiness;
mod relay;
mod rescuer;
mod service;

#[cfg(test)]
#[path = "../tests/schedules/mod.rs"]
mod schedules;

use std::process::ExitCode;

use runtime::{Exit, Shutdown};

use crate::arguments::Arguments;
use crate::service::Service;

const NAME: &str = domain::ServiceName::Order.binary();

// The HTTP server has threads of its own. What is left costs less on one thread than on several
// that wake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let arguments = Arguments::read()?;
    let config = config::Config::load(arguments.config.clone())
        .map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    if arguments.healthcheck {
        return http_service::health::probe(config.http.bind, arguments.port).await.map_err(Exit::Failed);
    }
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let shutdown =
        Shutdown::on_signals(config.shutdown.grace_seconds).map_err(|why| Exit::failed(NAME, &why))?;
    let (log, _flush) = logging::start(NAME, level);
    let ended = async { Service::build(&arguments, &config, log.clone(), shutdown)?.run().await };
    ended.await.map_err(|why| {
        log.error(logging::action::SERVICE_FAILED, why.to_string(), &why).emit();
        Exit::Logged
    })
}
