//! The values of the statements that store orders, each an array with an element for each row.

use std::collections::{BTreeMap, HashMap};

use deadlines::outbox::RELAY_GRACE;
use domain::pricing::Adjustment;
use domain::{Fingerprint, MenuItemId, order_pointer};

use crate::database::DbError;
use crate::named::{NamedStatement, Parameters};
use crate::orders::{ORDER_SERVICE, Placement};
use crate::traceparents;

/// The values that every order has.
pub(super) fn orders<'a>(
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
        .with("traceparents", column(orders, |new| traceparents::of(new.request_id)))
        .with("relay_grace", RELAY_GRACE.as_secs_f64())
        .with("item_places", column(&items, |(place, _)| *place))
        .with("item_names", column(&items, |(_, item)| item.name.as_str()))
        .with("item_quantities", column(&items, |(_, item)| i32::from(item.quantity)))
        .with("item_prices", column(&items, |(_, item)| item.price.to_string())))
}

/// What an order takes of the stock of one item.
pub(super) struct Sale<'a> {
    /// The order's place among those that are stored, from 1.
    pub(super) place: i32,
    pub(super) item_id: &'a MenuItemId,
    /// Pieces.
    pub(super) quantity: u32,
}

/// Adds what comes with orders from the menu and with orders of messages.
pub(super) fn with_all<'a>(
    parameters: Parameters<'a>,
    orders: &[Placement<'a>],
    sales: &[Sale<'_>],
) -> Result<Parameters<'a>, DbError> {
    Ok(with_requests(with_adjustments(with_sales(parameters, sales)?, orders)?, orders))
}

/// Adds what the orders take from the stock: for each item the sum, and for each sale what the
/// later ones take of the same item. So what is left after each follows from what is left at last.
fn with_sales<'a>(parameters: Parameters<'a>, sales: &[Sale<'_>]) -> Result<Parameters<'a>, DbError> {
    let mut wanted: BTreeMap<&MenuItemId, i64> = BTreeMap::new();
    let mut laters = Vec::with_capacity(sales.len());
    for sale in sales.iter().rev() {
        let taken = wanted.entry(sale.item_id).or_default();
        laters.push(*taken);
        *taken += i64::from(sale.quantity);
    }
    laters.reverse();
    let items: HashMap<&MenuItemId, i32> = wanted.keys().copied().zip(1..).collect();
    let quantities = sales.iter().map(|sale| number(sale.quantity)).collect::<Result<Vec<_>, _>>()?;
    Ok(parameters
        .with("wanted_items", wanted.keys().map(ToString::to_string).collect::<Vec<_>>())
        .with("wanted_quantities", wanted.into_values().collect::<Vec<_>>())
        .with("sale_places", column(sales, |sale| sale.place))
        .with("sale_items", column(sales, |sale| items.get(sale.item_id).copied()))
        .with("sale_quantities", quantities)
        .with("sale_laters", laters))
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

/// Adds the requests of the orders.
fn with_requests<'a>(parameters: Parameters<'a>, orders: &[Placement<'a>]) -> Parameters<'a> {
    parameters
        .with("requested", column(orders, |new| new.request.map(|request| request.order_id.uuid())))
        .with(
            "request_fingerprints",
            column(orders, |new| new.request.map(|request| request.fingerprint.as_bytes().to_vec())),
        )
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
