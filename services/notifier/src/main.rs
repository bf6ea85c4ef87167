//! Shows every status change.

mod arguments;
mod seen;
mod sentence;
mod service;

use std::process::ExitCode;

use config::Config;
use runtime::{Exit, Shutdown};

use crate::arguments::Arguments;

const NAME: &str = domain::ServiceName::Notifier.binary();

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
    if arguments.healthcheck {
        return bus::check(&config.rabbitmq, "notification-subscriber: health check")
            .await
            .map_err(|why| Exit::failed(NAME, &why));
    }
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let shutdown =
        Shutdown::on_signals(config.shutdown.grace_seconds).map_err(|why| Exit::failed(NAME, &why))?;
    let (log, _flush) = logging::start(NAME, level);
    service::run(&config.rabbitmq, arguments.from, &log, &shutdown).await;
    if log.is_cut_off() { Err(Exit::Logged) } else { Ok(()) }
}
