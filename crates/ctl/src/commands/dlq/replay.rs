//! `dlq replay`: publishes dead letters to their original exchange.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::dead_letters::Replay;
use domain::OrderNumber;
use runtime::signals::StopSignals;
use runtime::{Exit, clock};

use super::filter::{Filter, parse_limit, parse_order, parse_reason, parse_time_span};
use super::selection::Selection;
use super::settings;
use super::take::{Disposal, take};

/// Sends dead letters back to the exchange and the key they came from, with their body and
/// properties, but without headers. Each is removed when RabbitMQ has confirmed that it has arrived
/// in a queue. An order that is replayed twice is cooked once. Whoever replays a message vouches
/// for it. So those that were refused for their sender are sent only if their ids are named, or a
/// part of their reason.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "replay")]
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
    let filter = Filter::new(arguments.reason.as_deref(), arguments.order, arguments.older_than).of_trusted();
    let (ids, all, limit) = (&arguments.ids, arguments.all, arguments.limit);
    let selection = Selection::of_words("replay", ids, all, filter, limit, clock::unix_seconds())?;
    let settings = settings(arguments.config)?;
    let disposal = Disposal::Replayed(Box::new(Replay::new(&settings, "restaurant-ctl: replay")));
    take(&settings, selection, disposal, arguments.json, signals).await
}
