//! `inventory_items`: how many pieces of an item are left, and `inventory_movements`: why.
//!
//! An item without a row is unlimited. Every change of a number writes a movement in the same
//! transaction, so what is left is the sum of an item's movements. Orders change it in
//! [`orders::place`](crate::orders::place), cancels in [`transitions`](crate::transitions), and
//! staff here. Rows are locked in the order of their items; an order's row is locked before them,
//! and the counter of numbers after them.

mod given_back;
mod movements;
mod setting;

use domain::MenuItemId;
use domain::inventory::{Stock, StockLeft};
use time::OffsetDateTime;
use tokio_postgres::Row;

pub(crate) use self::given_back::given_back;
pub use self::movements::{Movement, movements};
pub use self::setting::{RestockOutcome, restock, set_left};
use crate::database::{Database, DbError};

/// The stock of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The item.
    pub item_id: MenuItemId,
    /// What is left; `None`: it is unlimited.
    pub left: Option<StockLeft>,
    /// When that changed.
    pub updated_at: OffsetDateTime,
}

/// Returns the limited items, sorted by id. All others are unlimited.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Database) -> Result<Vec<StockLevel>, DbError> {
    let sql = "select item_id, \"left\", updated_at from inventory_items order by item_id";
    let level = |row: &Row| {
        let (item_id, left) = counted(row)?;
        Ok(StockLevel { item_id, left: Some(left), updated_at: row.try_get(2)? })
    };
    db.query(sql, &[]).await?.iter().map(level).collect()
}

/// Returns what is left of these items at this moment. One that is not returned is unlimited, or is
/// not on the menu.
///
/// # Errors
/// The database failed.
pub async fn left_of(db: &Database, items: &[MenuItemId]) -> Result<Stock, DbError> {
    let sql = "select item_id, \"left\" from inventory_items where item_id = any($1)";
    let items: Vec<&str> = items.iter().map(MenuItemId::as_str).collect();
    stock(&db.query(sql, &[&items]).await?)
}

/// Returns the items of which nothing is left, sorted by id: they are sold out.
///
/// # Errors
/// The database failed.
pub async fn used_up(db: &Database) -> Result<Vec<MenuItemId>, DbError> {
    let sql = "select item_id, \"left\" from inventory_items where \"left\" = 0 order by item_id";
    db.query(sql, &[]).await?.iter().map(|row| Ok(counted(row)?.0)).collect()
}

/// Reads rows with an `item_id` and what is `left` of it.
pub(crate) fn stock<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Result<Stock, DbError> {
    rows.into_iter().map(counted).collect()
}

fn counted(row: &Row) -> Result<(MenuItemId, StockLeft), DbError> {
    let item_id = row.try_get::<_, &str>("item_id")?.parse().map_err(DbError::unexpected)?;
    let left = left(row, "left")?.ok_or_else(|| DbError::unexpected("a stock without a number"))?;
    Ok((item_id, left))
}

/// The stock in a column, if it is not null.
fn left(row: &Row, column: &str) -> Result<Option<StockLeft>, DbError> {
    let Some(pieces) = row.try_get::<_, Option<i32>>(column)? else { return Ok(None) };
    // Cancelled orders may bring back a little more than staff may enter: enough for any order.
    let pieces = i64::from(pieces).min(StockLeft::MAX.into());
    StockLeft::try_from(pieces).map(Some).map_err(DbError::unexpected)
}
