//! `dlq list`: lists the dead letters.

use std::io::{self, stdout};
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::dead_letters::Pass;
use domain::OrderNumber;
use runtime::{Console, Exit, clock};

use super::filter::{Filter, parse_limit, parse_order, parse_reason, parse_time_span};
use super::output::{Output, is_over};
use super::selection::Selection;
use super::{CONNECTION, failed, settings, view};

/// Shows the dead letters, oldest first. They stay where they are.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "list")]
pub struct Arguments {
    /// one JSON object a line instead of a table
    #[argh(switch)]
    json: bool,
    /// only those whose reason contains this text
    #[argh(option, from_str_fn(parse_reason))]
    reason: Option<String>,
    /// only those about the order with this number
    #[argh(option, from_str_fn(parse_order))]
    order: Option<OrderNumber>,
    /// only those that are older than this, such as 90s, 30m, 1h, 2d
    #[argh(option, from_str_fn(parse_time_span))]
    older_than: Option<u64>,
    /// the largest number of messages (default 1000)
    #[argh(option, default = "1000", from_str_fn(parse_limit))]
    limit: u64,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let now = clock::unix_seconds();
    let filter = Filter::new(arguments.reason.as_deref(), arguments.order, arguments.older_than);
    let mut selection = Selection::of_filter(filter, Some(arguments.limit), now);
    let mut pass = Pass::begin(&settings(arguments.config)?, CONNECTION).await.map_err(|why| failed(&why))?;
    let total = u64::from(pass.total());
    let mut output = Output::to(stdout());
    let (mut seen, mut shown) = (0, 0_u64);
    let mut write = async |line: String| match output.line(&line).await {
        Ok(()) => Ok(true),
        Err(why) if is_over(&why) => Ok(false),
        Err(why) => Err(unwritable(&why)),
    };
    while !selection.is_complete() {
        let Some(letter) = pass.next().await.map_err(|why| failed(&why))? else { break };
        seen += 1;
        if selection.takes(&letter) {
            shown += 1;
            let is_read = if arguments.json {
                write(view::json_line(view::summary(&letter, now))).await?
            } else if shown == 1 {
                write(format!("{}\n{}", view::head(), view::row(&letter, now))).await?
            } else {
                write(view::row(&letter, now)).await?
            };
            if !is_read {
                break;
            }
        }
    }
    // Complete the table before anything is printed about it.
    let written = output.flush().await;
    pass.end().await.map_err(|why| failed(&why))?;
    if let Err(why) = written
        && !is_over(&why)
    {
        return Err(unwritable(&why));
    }
    if shown == 0 && !arguments.json {
        let none = if total == 0 { "There are no dead letters." } else { "No dead letter matches." };
        Console::new().print(none);
    }
    if seen < total && shown == arguments.limit {
        eprintln!(
            "The list ends after {shown} (--limit); {} further dead letters were not looked at.",
            total - seen
        );
    }
    Ok(())
}

fn unwritable(why: &io::Error) -> Exit {
    Exit::Failed(format!("cannot write the list: {why}. Choose a place for it that can be written to"))
}
