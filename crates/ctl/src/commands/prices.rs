//! `prices`: the price rules as a file.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use db::edit::Edit;
use db::{Database, DbError, menu, price_rules};
use domain::pricing::{PriceRule, RuleId, RuleSet};
use domain::stock_edit::STAFF;
use menu_files::Format;
use runtime::Exit;

use super::editing::{self, Diff, EditError, Export, Stored};
use super::lost_targets;

/// Exports, imports and compares the price rules. docs/menu.md describes the files.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "prices")]
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

/// Makes the rules of a file the only ones, in one transaction. Orders keep what was applied to
/// them.
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
        Command::Export(arguments) => editing::export::<PriceRule>(arguments).await,
        Command::Import(arguments) => editing::import::<PriceRule>(arguments.into()).await,
        Command::Diff(arguments) => editing::diff::<PriceRule>(arguments).await,
    }
}

impl From<Import> for editing::Import {
    fn from(import: Import) -> Self {
        let Import { file, format, merge, dry_run, json, config } = import;
        Self { file, format, merge, dry_run, json, changed_by: STAFF.to_owned(), config }
    }
}

impl Stored for PriceRule {
    type Id = RuleId;

    const WHOLE: &'static str = "the price rules";

    async fn without_effect(db: &Database, entries: &[Self]) -> Result<Vec<String>, DbError> {
        Ok(lost_targets::of(&menu::read(db).await?, entries))
    }

    async fn read(db: &Database) -> Result<Vec<Self>, DbError> {
        Ok(price_rules::read(db).await?.rules().to_vec())
    }

    async fn merge(db: &Database, entries: Vec<Self>) -> Result<Edit<Self, RuleId>, EditError> {
        Ok(price_rules::merge(db, &RuleSet::new(entries)?).await?)
    }

    async fn replace(db: &Database, entries: Vec<Self>, _: &str) -> Result<Edit<Self, RuleId>, EditError> {
        Ok(price_rules::replace(db, &RuleSet::new(entries)?).await?)
    }
}
