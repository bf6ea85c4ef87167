//! Stores new orders.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use deadlines::outbox::RELAY_GRACE;
use domain::inventory::{Admission, Decrement, Demand, Stock, admit};
use domain::pricing::Adjustment;
use domain::{Fingerprint, OrderNumber, order_pointer};
use time::Date;
use tokio_postgres::Row;

use super::{ORDER_SERVICE, PlaceOutcome, PlacedOrder, Placement, identity};
use crate::database::{BEGIN, Database, DbError, Decision, Reading};
use crate::inventory;
use crate::named::{NamedStatement, Parameters};

/// One statement for a whole batch: one round trip, and the shortest lock of the counter row.
///
/// An item finds its order's id in an array, by the order's place among the parameters. A join
/// would compare each item with each order.
static PLACE: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("place.sql"),
        "select identity, day, sequence, now() as placed_at from numbered order by place"
    ))
});

/// As [`PLACE`], and takes what the orders want from the stock, which is locked already.
static PLACE_FROM_MENU: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("place.sql"),
        include_str!("place_from_menu.sql"),
        "select identity, day, sequence, now() as placed_at from numbered order by place"
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
/// # Errors
/// Nothing was stored, unless the error [is in doubt](DbError::is_in_doubt):
/// then [`find_out`](super::find_out) tells.
pub async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    if orders.iter().any(|new| new.from_menu.is_some()) {
        return place_from_menu(db, orders).await;
    }
    let rows = db.query(PLACE.sql(), &parameters(&PLACE, orders)?.in_order()?).await?;
    let placed = placed_orders(&rows, orders.len())?;
    Ok(placed.into_iter().map(PlaceOutcome::Placed).collect())
}

/// Locks the stock, admits the orders for which there is enough, and stores these: two round trips.
/// The rows of the stock are locked in the order of their items, and before the counter.
async fn place_from_menu(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    let demands: Vec<Demand> = orders
        .iter()
        .map(|new| new.from_menu.map(|from_menu| from_menu.demand.clone()).unwrap_or_default())
        .collect();
    let items: BTreeSet<&str> =
        demands.iter().flat_map(Demand::items).map(|(item, _)| item.as_str()).collect();
    let items: Vec<&str> = items.into_iter().collect();
    let lock = Reading { begin: BEGIN, sql: inventory::LOCK, parameters: &[&items] };
    let (admissions, rows) = db
        .read_then_write(lock, PLACE_FROM_MENU.sql(), |rows| {
            let mut stock: Stock = inventory::stock(rows)?;
            let admissions = admit(&mut stock, &demands);
            let (admitted, sales) = admitted(orders, &admissions);
            let writing = if admitted.is_empty() {
                None
            } else {
                let parameters = with_sales(parameters(&PLACE_FROM_MENU, &admitted)?, &sales)?;
                Some(with_adjustments(parameters, &admitted)?)
            };
            Ok(Decision { result: admissions, writing })
        })
        .await?;
    let count = admissions.iter().filter(|admission| matches!(admission, Admission::Admitted(_))).count();
    let mut placed = placed_orders(&rows, count)?.into_iter();
    let outcome = |admission| match admission {
        Admission::Refused(shortages) => Some(PlaceOutcome::OutOfStock(shortages)),
        Admission::Admitted(_) => placed.next().map(PlaceOutcome::Placed),
    };
    Ok(admissions.into_iter().filter_map(outcome).collect())
}

/// The admitted orders, and what each takes from the stock.
fn admitted<'o, 'a>(
    orders: &[Placement<'o>],
    admissions: &'a [Admission],
) -> (Vec<Placement<'o>>, Vec<&'a [Decrement]>) {
    let admitted = |(new, admission): (&Placement<'o>, &'a Admission)| match admission {
        Admission::Admitted(decrements) => Some((*new, decrements.as_slice())),
        Admission::Refused(_) => None,
    };
    orders.iter().zip(admissions).filter_map(admitted).unzip()
}

/// The values of the statement that stores orders, without those of the menu.
fn parameters<'a>(
    statement: &'a NamedStatement,
    orders: &[Placement<'a>],
) -> Result<Parameters<'a>, DbError> {
    let contents = |new: &Placement<'a>| {
        let contents = order_pointer::contents(&new.order.total_amount, &new.order.items);
        Fingerprint::as_bytes(&contents).to_vec()
    };
    let items: Vec<_> = orders
        .iter()
        .zip(1_i32..)
        .flat_map(|(new, place)| new.order.items.iter().map(move |item| (place, item)))
        .collect();
    Ok(statement
        .bind()
        .with("count", number(orders.len())?)
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
        .with("contents", column(orders, contents))
        .with("relay_grace", RELAY_GRACE.as_secs_f64())
        .with("item_places", column(&items, |(place, _)| *place))
        .with("item_names", column(&items, |(_, item)| item.name.as_str()))
        .with("item_quantities", column(&items, |(_, item)| i32::from(item.quantity)))
        .with("item_prices", column(&items, |(_, item)| item.price.to_string())))
}

/// Adds what each order takes from the stock.
fn with_sales<'a>(parameters: Parameters<'a>, sales: &[&[Decrement]]) -> Result<Parameters<'a>, DbError> {
    let sales: Vec<_> = sales
        .iter()
        .zip(1_i32..)
        .flat_map(|(decrements, place)| decrements.iter().map(move |sale| (place, sale)))
        .collect();
    let quantities = sales.iter().map(|(_, sale)| number(sale.quantity)).collect::<Result<Vec<_>, _>>()?;
    let lefts = sales.iter().map(|(_, sale)| number(sale.left.get())).collect::<Result<Vec<_>, _>>()?;
    Ok(parameters
        .with("sale_places", column(&sales, |(place, _)| *place))
        .with("sale_items", column(&sales, |(_, sale)| sale.item_id.to_string()))
        .with("sale_quantities", quantities)
        .with("sale_lefts", lefts))
}

/// Adds what price rules changed about each order.
fn with_adjustments<'a>(
    parameters: Parameters<'a>,
    orders: &[Placement<'a>],
) -> Result<Parameters<'a>, DbError> {
    let mut adjustments: Vec<(i32, i32, &'a Adjustment)> = Vec::new();
    for (new, order) in orders.iter().zip(1..) {
        let own = new.from_menu.map(|from_menu| from_menu.adjustments).unwrap_or_default();
        adjustments.extend(own.iter().zip(1..).map(|(adjustment, place)| (order, place, adjustment)));
    }
    let lines = adjustments.iter().map(|(.., own)| own.line.map(number).transpose());
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok(parameters
        .with("adjustment_orders", column(&adjustments, |(order, ..)| *order))
        .with("adjustment_places", column(&adjustments, |(_, place, _)| *place))
        .with("adjustment_kinds", column(&adjustments, |(.., own)| own.kind.as_str()))
        .with("adjustment_rules", column(&adjustments, |(.., own)| own.rule.as_str()))
        .with("adjustment_labels", column(&adjustments, |(.., own)| own.label.as_str()))
        .with("adjustment_lines", lines)
        .with("adjustment_bases", column(&adjustments, |(.., own)| own.base.to_string()))
        .with("adjustment_amounts", column(&adjustments, |(.., own)| own.amount.to_string()))
        .with(
            "adjustment_includeds",
            column(&adjustments, |(.., own)| own.included.as_ref().map(ToString::to_string)),
        ))
}

/// One value of each row: an array parameter, which `unnest` turns into a column.
fn column<'r, T, V>(rows: &'r [T], value: impl Fn(&'r T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// A number as an `integer` of the database.
fn number<N>(number: N) -> Result<i32, DbError>
where
    i32: TryFrom<N, Error: std::error::Error + Send + Sync + 'static>,
{
    i32::try_from(number).map_err(DbError::unexpected)
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
