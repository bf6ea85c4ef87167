//! The operator's tool: the cluster on this machine, and what is done to a running system.

mod cluster;
mod commands;
mod view;

use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use runtime::signals::StopSignals;
use runtime::{Exit, arguments};

use crate::commands::{audit, completions, demo, dlq, doctor, down, load, logs, migrate, reset, status, up};
use crate::view::console;

const NAME: &str = "restaurant-ctl";

/// Opens, watches and closes the restaurant on this machine.
#[derive(FromArgs, ArgsInfo, Debug)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
enum Command {
    Up(up::Arguments),
    Down(down::Arguments),
    Status(status::Arguments),
    Logs(logs::Arguments),
    Reset(reset::Arguments),
    Demo(demo::Arguments),
    Migrate(migrate::Arguments),
    Audit(audit::Arguments),
    Doctor(doctor::Arguments),
    Dlq(dlq::Arguments),
    Load(load::Arguments),
    Completions(completions::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match console::all_written(run().await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let command = match arguments::parse::<Arguments>(NAME)?.command {
        // It closes a whole restaurant, in its own way.
        Command::Up(arguments) => return up::run(arguments).await,
        command => command,
    };
    let signals = StopSignals::handle(None).map_err(|why| commands::failed(&why))?;
    match command {
        Command::Up(arguments) => up::run(arguments).await,
        Command::Down(arguments) => down::run(arguments).await,
        Command::Status(arguments) => status::run(&arguments),
        Command::Logs(arguments) => logs::run(&arguments).await,
        Command::Reset(arguments) => reset::run(&arguments).await,
        Command::Demo(arguments) => demo::run(&arguments, &signals).await,
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::Audit(arguments) => audit::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Dlq(arguments) => dlq::run(arguments, &signals).await,
        Command::Load(arguments) => load::run(arguments, &signals).await,
        Command::Completions(arguments) => completions::run(&arguments, &Arguments::get_args_info()),
    }
}
