//! `dlq drop`: deletes dead letters.

use std::collections::HashSet;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::dead_letters::{Id, Pass};
use config::Rabbitmq;
use domain::OrderNumber;
use runtime::signals::StopSignals;
use runtime::{Console, Exit, clock};

use super::filter::{Filter, parse_limit, parse_order, parse_reason, parse_time_span};
use super::selection::{Selection, not_there};
use super::take::{Disposal, take};
use super::{CONNECTION, failed, settings};

/// Removes dead letters for good. `dlq export` keeps a copy.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "drop")]
pub struct Arguments {
    /// ids, as `list` shows them
    #[argh(positional)]
    ids: Vec<String>,
    /// all of them
    #[argh(switch)]
    all: bool,
    /// one JSON object a line for each, and one with the counts at the end
    #[argh(switch)]
    json: bool,
    /// do not ask
    #[argh(switch)]
    yes: bool,
    /// those whose reason contains this text
    #[argh(option, from_str_fn(parse_reason))]
    reason: Option<String>,
    /// those about the order with this number
    #[argh(option, from_str_fn(parse_order))]
    order: Option<OrderNumber>,
    /// those that are older than this, such as 90s, 30m, 1h, 2d
    #[argh(option, from_str_fn(parse_time_span))]
    older_than: Option<u64>,
    /// the largest number of messages, oldest first (default: all)
    #[argh(option, from_str_fn(parse_limit))]
    limit: Option<u64>,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, signals: &StopSignals) -> Result<(), Exit> {
    let filter = Filter::new(arguments.reason.as_deref(), arguments.order, arguments.older_than);
    let (ids, all, limit) = (&arguments.ids, arguments.all, arguments.limit);
    let mut selection = Selection::of_words("drop", ids, all, filter, limit, clock::unix_seconds())?;
    if !arguments.yes && !io::stdin().is_terminal() {
        let text = "what is dropped is gone for good; without a terminal to ask on, say --yes";
        return Err(Exit::Usage(format!("dlq drop: {text}")));
    }
    let settings = settings(arguments.config)?;
    if !arguments.yes {
        let meant = meant(&settings, selection).await?;
        if meant.is_empty() && !arguments.json {
            Console::new().print("No dead letter matches.");
            return Ok(());
        }
        if !meant.is_empty() && !confirmed(meant.len()) {
            Console::new().note("nothing was dropped");
            return Ok(());
        }
        // Drop only the messages that were counted, and none that arrived since.
        selection = Selection::of_ids(meant);
    }
    take(&settings, selection, Disposal::Dropped, arguments.json, signals).await
}

/// The ids of all selected messages.
async fn meant(settings: &Rabbitmq, mut selection: Selection) -> Result<HashSet<Id>, Exit> {
    let mut pass = Pass::begin(settings, CONNECTION).await.map_err(|why| failed(&why))?;
    let mut meant = HashSet::new();
    while !selection.is_complete() {
        let Some(letter) = pass.next().await.map_err(|why| failed(&why))? else { break };
        if selection.takes(&letter) {
            meant.insert(letter.id);
        }
    }
    pass.end().await.map_err(|why| failed(&why))?;
    let missing = selection.missing();
    if missing.is_empty() { Ok(meant) } else { Err(Exit::Failed(not_there(&missing))) }
}

fn confirmed(count: usize) -> bool {
    let what = if count == 1 { "1 dead letter".to_owned() } else { format!("{count} dead letters") };
    // Standard output is reserved for the result, which may be JSON.
    eprint!("Drop {what} for good? `dlq export` would keep a copy. [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
