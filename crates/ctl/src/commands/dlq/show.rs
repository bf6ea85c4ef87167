//! `dlq show`: shows one dead letter completely.

use std::collections::HashSet;
use std::io::stdout;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::dead_letters::{Id, Pass};
use runtime::{Exit, clock};

use super::output::{Output, is_over};
use super::selection::{Selection, not_there};
use super::{CONNECTION, failed, settings, view};

/// Shows one dead letter with its properties, headers and body: of a large body the beginning, with
/// --json all of it. It stays in the queue.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "show")]
pub struct Arguments {
    /// id, as `list` shows it
    #[argh(positional)]
    id: Id,
    /// as a JSON object
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let now = clock::unix_seconds();
    let mut selection = Selection::of_ids(HashSet::from([arguments.id]));
    let mut pass = Pass::begin(&settings(arguments.config)?, CONNECTION).await.map_err(|why| failed(&why))?;
    let mut found = None;
    while let (None, Some(letter)) = (&found, pass.next().await.map_err(|why| failed(&why))?) {
        found = selection.takes(&letter).then_some(letter);
    }
    pass.end().await.map_err(|why| failed(&why))?;
    let Some(letter) = found else {
        return Err(Exit::Failed(not_there(&selection.missing())));
    };
    let mut output = Output::to(stdout());
    let written = if arguments.json {
        output.line_of(view::everything(&letter, now)).await
    } else {
        output.line(&view::page(&letter, now)).await
    };
    match written.and(output.finish().await) {
        Err(why) if !is_over(&why) => Err(Exit::Failed(format!("cannot write it: {why}"))),
        _ => Ok(()),
    }
}
