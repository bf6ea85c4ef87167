//! `menu_items`: what the restaurant sells, as its staff edit it, and `menu_version`.
//!
//! Every edit counts once in the version, also one by hand: triggers see to that. What is taken off
//! the menu stays in the orders that have it, and in the movements of its stock.

mod marks;
mod rows;
mod writing;

use domain::menu::Menu;
use domain::pricing::RuleSet;
use time::OffsetDateTime;
use tokio_postgres::Row;

pub use self::marks::{bring_back, mark_sold_out};
pub use self::writing::{delete, is_name_taken, merge, put, replace};
use crate::database::{Database, DbError};
use crate::price_rules;

/// The menu and the price rules at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The menu, which knows the version of both.
    pub menu: Menu,
    /// The rules.
    pub rules: RuleSet,
}

/// Reads the menu.
///
/// # Errors
/// As [`snapshot`].
pub async fn read(db: &Database) -> Result<Menu, DbError> {
    let [version, items] = db.query_one_moment([VERSION, rows::ALL]).await?;
    menu(&version, &items)
}

/// Reads the menu and the rules as they are at one moment.
///
/// # Errors
/// The database failed, or a row was written by hand that breaks a rule of the menu: the error
/// names it.
pub async fn snapshot(db: &Database) -> Result<Snapshot, DbError> {
    let [version, items, rules] = db.query_one_moment([VERSION, rows::ALL, price_rules::READ]).await?;
    Ok(Snapshot { menu: menu(&version, &items)?, rules: price_rules::rule_set(&rules)? })
}

fn menu(version: &[Row], items: &[Row]) -> Result<Menu, DbError> {
    let items = items.iter().map(rows::item).collect::<Result<_, _>>()?;
    Menu::new(read_version(version.first())?.number, items).map_err(DbError::unexpected)
}

const VERSION: &str = "select version, now() from menu_version";

/// A version of the menu and the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// How many edits there were so far. If it is that of a snapshot, the snapshot is up to date.
    pub number: u64,
    /// When it was read, by the database's clock.
    pub read_at: OffsetDateTime,
}

/// The present version.
///
/// # Errors
/// The database failed.
pub async fn version(db: &Database) -> Result<Version, DbError> {
    read_version(db.query_opt(VERSION, &[]).await?.as_ref())
}

fn read_version(row: Option<&Row>) -> Result<Version, DbError> {
    let row = row.ok_or_else(|| DbError::unexpected("menu_version has no row"))?;
    let number = u64::try_from(row.try_get::<_, i64>(0)?).map_err(DbError::unexpected)?;
    Ok(Version { number, read_at: row.try_get(1)? })
}
