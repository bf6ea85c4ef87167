//! `dlq`: the commands for dead letters.

mod filter;
mod output;
mod progress;
mod report;
mod selection;
mod take;
mod view;

mod drop;
mod export;
mod list;
mod replay;
mod show;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::SessionError;
use bus::dead_letters::DeadLettersError;
use config::{Config, Rabbitmq};
use runtime::signals::StopSignals;
use runtime::{Exit, with_causes};

/// The name of the connection that reads the dead letters.
const CONNECTION: &str = "restaurant-ctl: dead letters";

/// Shows the messages that could not be cooked, sends them back to where they came
/// from, or drops them.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "dlq")]
pub struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Replay(replay::Arguments),
    Drop(drop::Arguments),
    Export(export::Arguments),
}

/// Runs the command.
pub async fn run(arguments: Arguments, signals: &StopSignals) -> Result<(), Exit> {
    match arguments.command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments, signals).await,
        Command::Drop(arguments) => drop::run(arguments, signals).await,
        Command::Export(arguments) => export::run(arguments).await,
    }
}

fn settings(config: Option<PathBuf>) -> Result<Rabbitmq, Exit> {
    let config = Config::load(config).map_err(|why| Exit::Config(why.to_string()))?;
    Ok(config.rabbitmq)
}

/// The failure, and what to do next.
fn failed(why: &DeadLettersError) -> Exit {
    let advice = match why {
        DeadLettersError::NoQueue { .. } => {
            "Is rabbitmq.vhost right? The first order service or kitchen worker that starts there declares the queue."
        }
        DeadLettersError::InUse => "If that is another `restaurant-ctl dlq`, try again when it has ended.",
        DeadLettersError::Session(
            SessionError::Unreachable { .. }
            | SessionError::LoginRefused { .. }
            | SessionError::Refused { .. },
        ) => {
            "Does RabbitMQ run, and are rabbitmq.host, port, user, password and vhost right (config.yaml or RABBITMQ_…)?"
        }
        DeadLettersError::Session(SessionError::Tls { .. } | SessionError::TlsFiles { .. }) => {
            "docs/operations.md, 'Encrypted connections', says how TLS is set up."
        }
        DeadLettersError::Session(_) => {
            "Nothing is lost: what was not replayed or dropped is still among the dead letters. Try again when RabbitMQ is well."
        }
    };
    Exit::Failed(format!("{}. {advice}", with_causes(why).trim_end_matches('.')))
}
