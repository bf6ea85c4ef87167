//! `dlq export`: the dead letters as JSON lines, for archives and other tools.

use std::io::{self, Write, stdout};
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::dead_letters::Pass;
use domain::OrderNumber;
use runtime::{Console, Exit, clock};

use super::filter::{Filter, parse_limit, parse_order, parse_reason, parse_time_span};
use super::output::{Output, is_over};
use super::selection::Selection;
use super::{CONNECTION, failed, settings, view};
use crate::new_file;

/// Writes the dead letters with their bodies, one JSON object a line. They stay where they are.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "export")]
pub struct Arguments {
    /// file to write, which must not exist yet (default: stdout)
    #[argh(option)]
    output: Option<PathBuf>,
    /// only those whose reason contains this text
    #[argh(option, from_str_fn(parse_reason))]
    reason: Option<String>,
    /// only those about the order with this number
    #[argh(option, from_str_fn(parse_order))]
    order: Option<OrderNumber>,
    /// only those that are older than this, such as 90s, 30m, 1h, 2d
    #[argh(option, from_str_fn(parse_time_span))]
    older_than: Option<u64>,
    /// the largest number of messages (default: all)
    #[argh(option, from_str_fn(parse_limit))]
    limit: Option<u64>,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let now = clock::unix_seconds();
    let filter = Filter::new(arguments.reason.as_deref(), arguments.order, arguments.older_than);
    let selection = Selection::of_filter(filter, arguments.limit, now);
    let Some(path) = &arguments.output else {
        let pass = Pass::begin(&settings(arguments.config)?, CONNECTION).await.map_err(|why| failed(&why))?;
        return match write(pass, selection, stdout(), now).await? {
            Err(why) if !is_over(&why) => Err(Exit::Failed(format!("cannot write the export: {why}"))),
            _ => Ok(()),
        };
    };
    let file = new_file::beside(path)?;
    let pass = Pass::begin(&settings(arguments.config)?, CONNECTION).await.map_err(|why| failed(&why))?;
    let written = write(pass, selection, file, now).await?;
    let (count, file) = written.map_err(|why| new_file::unwritable(path, &why))?;
    new_file::persist(file, path)?;
    let news = format!("{count} dead letters are in '{}'; they are still in the queue, too.", path.display());
    Console::new().print(&news);
    Ok(())
}

/// Writes all selected dead letters. The inner error is the writer's.
async fn write<W: Write + Send + 'static>(
    mut pass: Pass,
    mut selection: Selection,
    writer: W,
    now: u64,
) -> Result<io::Result<(u64, W)>, Exit> {
    let mut output = Output::to(writer);
    let mut count = 0;
    while !selection.is_complete() {
        let Some(letter) = pass.next().await.map_err(|why| failed(&why))? else { break };
        if selection.takes(&letter) {
            if let Err(why) = output.line_of(view::everything(&letter, now)).await {
                pass.end().await.map_err(|why| failed(&why))?;
                return Ok(Err(why));
            }
            count += 1;
        }
    }
    let written = output.finish().await;
    pass.end().await.map_err(|why| failed(&why))?;
    Ok(written.map(|writer| (count, writer)))
}
