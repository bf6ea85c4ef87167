//! `diff`: compares the database with a file.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use db::Access;
use menu_files::{Difference, Format, difference};
use runtime::{Console, Exit};

use super::Stored;
use super::connection::{open, unread};
use super::file::File;
use super::report;

/// Says what an import of a file would change. Exit code 0: nothing, both are the same;
/// 1: they differ; 3: they could not be compared.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "diff")]
pub struct Arguments {
    /// the file, in YAML or CSV
    #[argh(positional)]
    file: PathBuf,
    /// yaml or csv (default: what the extension of the file says)
    #[argh(option)]
    format: Option<Format>,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run<T: Stored>(arguments: Arguments) -> Result<(), Exit> {
    let json = arguments.json;
    let found = compared::<T>(arguments).await.map_err(|exit| match exit {
        // Code 1 is an answer here.
        Exit::Failed(text) => Exit::Unknown(text),
        other => other,
    })?;
    let console = Console::new();
    if json {
        console.print(&report::json(&found, "same", found.is_empty()).to_string());
    } else if found.is_empty() {
        console.print(&format!("{}: the same", T::LIST));
    } else {
        report::print(&found);
        console.print(&format!("{}: {} by an import", T::LIST, report::counts(&found)));
    }
    if found.is_empty() { Ok(()) } else { Err(Exit::Logged) }
}

async fn compared<T: Stored>(arguments: Arguments) -> Result<Difference, Exit> {
    let file = File::<T>::read(arguments.file, arguments.format)?;
    let db = open(arguments.config, Access::ReadOnly).await?;
    let present = T::read(&db).await.map_err(|why| unread(T::WHOLE, &why))?;
    Ok(difference(&present, &file.entries))
}
