//! `menu`: the menu as a file.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use db::edit::Edit;
use db::menu;
use db::{Database, DbError};
use domain::stock_edit::STAFF;
use domain::{Label, MenuItem, MenuItemId};
use menu_files::Format;
use runtime::Exit;

use super::editing::{self, Diff, EditError, Export, Stored};

/// Exports, imports and compares the menu. docs/menu.md describes the files.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "menu")]
pub struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
enum Command {
    Export(Export),
    Import(Import),
    Diff(Diff),
}

/// Makes a file the whole menu, in one transaction. What it lacks is taken off, with its stock;
/// orders keep what they have of it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "import")]
struct Import {
    /// the file, in YAML or CSV
    #[argh(positional)]
    file: PathBuf,
    /// yaml or csv (default: what the extension of the file says)
    #[argh(option)]
    format: Option<Format>,
    /// only add and change: what the file lacks stays
    #[argh(switch)]
    merge: bool,
    /// say what would change, and change nothing
    #[argh(switch)]
    dry_run: bool,
    /// who does it, for the movements of stock that goes (default staff)
    #[argh(option)]
    changed_by: Option<Label>,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    match arguments.command {
        Command::Export(arguments) => editing::export::<MenuItem>(arguments).await,
        Command::Import(arguments) => editing::import::<MenuItem>(arguments.into()).await,
        Command::Diff(arguments) => editing::diff::<MenuItem>(arguments).await,
    }
}

impl From<Import> for editing::Import {
    fn from(import: Import) -> Self {
        let Import { file, format, merge, dry_run, changed_by, json, config } = import;
        let changed_by = changed_by.map_or_else(|| STAFF.to_owned(), |name| name.to_string());
        Self { file, format, merge, dry_run, json, changed_by, config }
    }
}

impl Stored for MenuItem {
    type Id = MenuItemId;

    const WHOLE: &'static str = "the menu";

    async fn read(db: &Database) -> Result<Vec<Self>, DbError> {
        Ok(menu::read(db).await?.items().iter().map(|item| (**item).clone()).collect())
    }

    async fn merge(db: &Database, entries: Vec<Self>) -> Result<Edit<Self, MenuItemId>, EditError> {
        menu::merge(db, &entries).await.map_err(edit_error)
    }

    async fn replace(
        db: &Database,
        entries: Vec<Self>,
        changed_by: &str,
    ) -> Result<Edit<Self, MenuItemId>, EditError> {
        menu::replace(db, &entries, changed_by).await.map_err(edit_error)
    }
}

fn edit_error(why: DbError) -> EditError {
    if menu::is_name_taken(&why) { EditError::NameTaken } else { EditError::Database(why) }
}
