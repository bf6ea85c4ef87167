//! Stores new orders.

use std::sync::LazyLock;

use deadlines::outbox::RELAY_GRACE;
use domain::{Fingerprint, OrderNumber, order_pointer};
use time::Date;
use tokio_postgres::Row;

use super::{ORDER_SERVICE, PlacedOrder, Placement, identity};
use crate::database::{Database, DbError};
use crate::named::NamedStatement;

/// One statement for a whole batch: one round trip, and the shortest lock of the counter row.
///
/// An item finds its order's id in an array, by the order's place among the parameters. A join
/// would compare each item with each order.
static PLACE: LazyLock<NamedStatement> = LazyLock::new(|| NamedStatement::new(include_str!("place.sql")));

/// Stores orders, all or none: numbers, items, first status rows and outbox rows in one
/// transaction. Returns them in the order given.
///
/// The transaction locks the day's counter row until it commits, so the numbers of a day have no
/// gaps. All orders of one call share that lock and that commit. The day is the UTC day of the
/// database's clock.
///
/// # Errors
/// Nothing was stored, unless the error [is in doubt](DbError::is_in_doubt):
/// then [`find_out`](super::find_out) tells.
pub async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlacedOrder>, DbError> {
    let count = i32::try_from(orders.len()).map_err(DbError::unexpected)?;
    let contents: Vec<Fingerprint> =
        column(orders, |new| order_pointer::contents(&new.order.total_amount, &new.order.items));
    let items: Vec<_> = orders
        .iter()
        .zip(1_i32..)
        .flat_map(|(new, place)| new.order.items.iter().map(move |item| (place, item)))
        .collect();
    let parameters = PLACE
        .bind()
        .with("count", count)
        .with("changed_by", ORDER_SERVICE)
        .with("identities", column(orders, |new| new.identity.uuid()))
        .with("customer_names", column(orders, |new| new.order.customer_name.as_str()))
        .with("types", column(orders, |new| new.order.fulfilment.order_type().as_str()))
        .with("table_numbers", column(orders, |new| new.order.fulfilment.table_number().map(i32::from)))
        .with("delivery_addresses", column(orders, |new| new.order.fulfilment.delivery_address()))
        .with("total_amounts", column(orders, |new| new.order.total_amount.to_string()))
        .with("priorities", column(orders, |new| i32::from(new.order.priority.get())))
        .with("request_ids", column(orders, |new| new.request_id.as_str()))
        .with("keys", column(orders, |new| new.idempotency.map(|request| request.key.as_str())))
        .with(
            "fingerprints",
            column(orders, |new| new.idempotency.map(|request| request.fingerprint.as_bytes())),
        )
        .with("contents", column(&contents, Fingerprint::as_bytes))
        .with("relay_grace", RELAY_GRACE.as_secs_f64())
        .with("item_places", column(&items, |(place, _)| *place))
        .with("item_names", column(&items, |(_, item)| item.name.as_str()))
        .with("item_quantities", column(&items, |(_, item)| i32::from(item.quantity)))
        .with("item_prices", column(&items, |(_, item)| item.price.to_string()));
    let rows = db.query(PLACE.sql(), &parameters.in_order()?).await?;
    if rows.len() != orders.len() {
        return Err(DbError::unexpected(format!("{} orders given, {} stored", orders.len(), rows.len())));
    }
    rows.iter().map(placed_order).collect()
}

/// One value of each row: an array parameter, which `unnest` turns into a column.
fn column<'a, T, V>(rows: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
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
