//! The operator's tool: commands for a running system, and for the time before its start.

mod backup_folder;
mod commands;
mod new_file;
mod view;

use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use runtime::exit::failed;
use runtime::signals::StopSignals;
use runtime::{Exit, arguments, console};
use telemetry::Build;

use crate::commands::{
    audit, backup, broker_users, completions, dlq, doctor, exporter, menu, migrate, prices, prune, release,
    restore,
};

const NAME: &str = "restaurant-ctl";

/// Prepares, checks and repairs a restaurant order system.
#[derive(FromArgs, ArgsInfo, Debug)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
enum Command {
    Migrate(migrate::Arguments),
    BrokerUsers(broker_users::Arguments),
    Audit(audit::Arguments),
    Doctor(doctor::Arguments),
    Dlq(dlq::Arguments),
    Menu(menu::Arguments),
    Prices(prices::Arguments),
    Prune(prune::Arguments),
    Exporter(exporter::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Release(release::Arguments),
    Completions(completions::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tls::install_provider();
    Build { version: build_info::VERSION, revision: build_info::REVISION }.note();
    match console::all_written(run().await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.of_program(NAME).report(),
    }
}

async fn run() -> Result<(), Exit> {
    let command = arguments::parse::<Arguments>(NAME)?.command;
    let signals = StopSignals::handle(None).map_err(|why| failed(&why))?;
    match command {
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::BrokerUsers(arguments) => broker_users::run(arguments).await,
        Command::Audit(arguments) => audit::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Dlq(arguments) => dlq::run(arguments, &signals).await,
        Command::Menu(arguments) => menu::run(arguments).await,
        Command::Prices(arguments) => prices::run(arguments).await,
        Command::Prune(arguments) => prune::run(arguments, &signals).await,
        Command::Exporter(arguments) => Box::pin(exporter::run(arguments, &signals)).await,
        Command::Backup(arguments) => Box::pin(backup::run(arguments, &signals)).await,
        Command::Restore(arguments) => restore::run(arguments).await,
        Command::Release(arguments) => release::run(arguments).await,
        Command::Completions(arguments) => completions::run(&arguments, &Arguments::get_args_info()),
    }
}
