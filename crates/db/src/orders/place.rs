//! Stores new orders.

mod admitting;
mod at_once;
mod values;

use std::sync::LazyLock;

use deadlines::database::PLACE_DEADLINE;
use domain::OrderNumber;
use time::Date;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::{PlaceOutcome, PlacedOrder, Placement, identity};
use crate::database::{Database, DbError};
use crate::named::NamedStatement;

/// One statement for a whole batch: one round trip, and the shortest lock of the counter row.
///
/// An item finds its order's id in an array, by the order's place among the parameters. A join
/// would compare each item with each order.
static PLACE: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        "with admitted as (select), ",
        include_str!("place/place.sql"),
        include_str!("place/placed.sql")
    ))
});

/// Stores orders, all or none: numbers, items, first status rows and outbox rows in one
/// transaction. Returns what became of each, in the order given.
///
/// The transaction locks the day's counter row until it commits, so the numbers of a day have no
/// gaps. All orders of one call share that lock and that commit. The day is the UTC day of the
/// database's clock.
///
/// Orders from the menu take their items from the stock in the same transaction, in the order
/// given: each gets everything or nothing. An order that gets nothing is not stored, takes no
/// number and does not concern the others. It may repeat a request that took the last portion:
/// [`idempotency::find`](crate::idempotency::find) tells.
///
/// An order that a message asks for is stored together with the row of its request. If there is
/// such a row already, the message came before: nothing of it is stored.
///
/// # Errors
/// Nothing was stored, unless the error [is in doubt](DbError::is_in_doubt):
/// then [`find_out`](super::find_out) tells. It is in doubt too after [`PLACE_DEADLINE`], which is
/// for all attempts together.
pub async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    // A connection that is given up in the middle of a statement is closed.
    timeout(PLACE_DEADLINE, with_fewest_statements(db, orders))
        .await
        .unwrap_or(Err(DbError::Timeout(PLACE_DEADLINE)))
}

/// Stores them with as few statements as possible.
async fn with_fewest_statements(
    db: &Database,
    orders: &[Placement<'_>],
) -> Result<Vec<PlaceOutcome>, DbError> {
    let placed = if orders.iter().any(|new| new.from_menu.is_some() || new.request.is_some()) {
        match at_once::place(db, orders).await? {
            Some(placed) => placed,
            None => return admitting::place(db, orders).await,
        }
    } else {
        let rows = db.query(PLACE.sql(), &values::orders(&PLACE, orders)?.in_order()?).await?;
        placed_orders(&rows, orders.len())?
    };
    Ok(placed.into_iter().map(PlaceOutcome::Placed).collect())
}

/// Whether nothing was stored because a request has its row already: its message came before.
fn repeats_a_request(why: &DbError) -> bool {
    why.is_duplicate_of("order_requests_pkey")
}

fn placed_orders(rows: &[Row], expected: usize) -> Result<Vec<PlacedOrder>, DbError> {
    if rows.len() != expected {
        return Err(DbError::unexpected(format!("{expected} orders given, {} stored", rows.len())));
    }
    rows.iter().map(placed_order).collect()
}

fn placed_order(row: &Row) -> Result<PlacedOrder, DbError> {
    let day: Date = row.try_get("day")?;
    let sequence: i32 = row.try_get("sequence")?;
    Ok(PlacedOrder {
        identity: identity(row, "identity")?,
        number: OrderNumber::new(day, u32::try_from(sequence).map_err(DbError::unexpected)?),
        placed_at: row.try_get("placed_at")?,
    })
}
