//! The history of an item's stock.

use domain::{MenuItemId, OrderNumber};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError};

/// A change of an item's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Larger than that of every earlier movement of the item.
    pub id: i64,
    /// When it happened.
    pub at: OffsetDateTime,
    /// The order that took or gave back; `None`: staff.
    pub order: Option<OrderNumber>,
    /// The change in pieces: negative if there are fewer.
    pub delta: i32,
    /// What was left after it; `None`: the item was unlimited, or off the menu.
    pub left_after: Option<i32>,
    /// The pieces that it is about.
    pub quantity: i32,
    /// `set`, `restock`, `order`, `cancel`, `waste`, `unlimited` or `removed`.
    pub reason: String,
    /// Who did it.
    pub changed_by: String,
}

/// Returns movements of an item, the newest first: at most `limit`, and only those before the
/// movement `before` if it is given. An item that is off the menu keeps its movements.
///
/// # Errors
/// The database failed.
pub async fn movements(
    db: &Database,
    item: &MenuItemId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Movement>, DbError> {
    let sql = "
        select id, created_at, (select number from orders where orders.id = order_id) as number, delta, left_after,
               quantity, reason, changed_by
        from inventory_movements where item_id = $1 and id < coalesce($2, 9223372036854775807)
        order by id desc limit $3";
    db.query(sql, &[&item.as_str(), &before, &limit]).await?.iter().map(movement).collect()
}

fn movement(row: &Row) -> Result<Movement, DbError> {
    let order: Option<&str> = row.try_get("number")?;
    Ok(Movement {
        id: row.try_get("id")?,
        at: row.try_get("created_at")?,
        order: order.map(str::parse).transpose().map_err(DbError::unexpected)?,
        delta: row.try_get("delta")?,
        left_after: row.try_get("left_after")?,
        quantity: row.try_get("quantity")?,
        reason: row.try_get("reason")?,
        changed_by: row.try_get("changed_by")?,
    })
}
