//! `export`: writes all entries.

use std::io::Write;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use db::Access;
use menu_files::Format;
use runtime::{Console, Exit};

use super::Stored;
use super::connection::{open, unread};
use crate::new_file;

/// Writes all of it as YAML or CSV, as import takes it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "export")]
pub struct Arguments {
    /// yaml or csv (default: what the extension of --output says, else yaml)
    #[argh(option)]
    format: Option<Format>,
    /// file to write, which must not exist yet (default: stdout)
    #[argh(option)]
    output: Option<PathBuf>,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run<T: Stored>(arguments: Arguments) -> Result<(), Exit> {
    let Arguments { format, output, config } = arguments;
    let console = Console::new();
    let Some(path) = output else {
        let entries = read::<T>(config).await?;
        let text = menu_files::write(format.unwrap_or(Format::Yaml), &entries);
        console.print(text.trim_end_matches('\n'));
        return Ok(());
    };
    let format = format.or_else(|| Format::of_path(&path)).unwrap_or(Format::Yaml);
    let mut file = new_file::beside(&path)?;
    let entries = read::<T>(config).await?;
    let text = menu_files::write(format, &entries);
    file.write_all(text.as_bytes()).map_err(|why| new_file::unwritable(&path, &why))?;
    new_file::persist(file, &path)?;
    console.print(&format!("{}: {} written to '{}'", T::LIST, entries.len(), path.display()));
    Ok(())
}

async fn read<T: Stored>(config: Option<PathBuf>) -> Result<Vec<T>, Exit> {
    let db = open(config, Access::ReadOnly).await?;
    T::read(&db).await.map_err(|why| unread(T::WHOLE, &why))
}
