//! `orders` and what an order has from the beginning: identity, items, status log, outbox.

mod place;

use std::fmt::Display;

use domain::inventory::{Demand, Shortage};
use domain::order_message::OrderMessage;
use domain::pricing::Adjustment;
use domain::{IdempotentRequest, NewOrder, OrderIdentity, OrderNumber, OrderRequest, RequestId, ServiceName};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;
use uuid::Uuid;

pub use self::place::place;

use crate::database::{Database, DbError};

/// The name under which the order service changes orders (specification, history of an order).
pub(crate) const ORDER_SERVICE: &str = ServiceName::Order.binary();

/// An order to store.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// It identifies the order, whatever the outcome of its transaction.
    pub identity: OrderIdentity,
    /// The order.
    pub order: &'a NewOrder,
    /// The request that places it.
    pub request_id: &'a RequestId,
    /// Recognises a repeated request, if the client sent a key.
    pub idempotency: Option<&'a IdempotentRequest>,
    /// What comes with an order from the menu; `None`: its lines are all that there is.
    pub from_menu: Option<FromMenu<'a>>,
    /// The request that is recognised if its message comes again; `None`: no message asks for it.
    pub request: Option<OrderRequest>,
}

/// What comes with an order from the menu.
#[derive(Clone, Copy, Debug)]
pub struct FromMenu<'a> {
    /// What it takes from the stock.
    pub demand: &'a Demand,
    /// What price rules changed, in the order of application. Its lines and these make its total.
    pub adjustments: &'a [Adjustment],
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceOutcome {
    /// It is stored.
    Placed(PlacedOrder),
    /// Nothing of it is stored: all items of which there is too little.
    OutOfStock(Vec<Shortage>),
    /// Nothing of it is stored: its message came before, and
    /// [`order_requests::find`](crate::order_requests::find) says what became of it.
    Repeated,
}

impl PlaceOutcome {
    /// The stored order, if it is stored.
    pub fn placed(self) -> Option<PlacedOrder> {
        match self {
            Self::Placed(order) => Some(order),
            Self::OutOfStock(_) | Self::Repeated => None,
        }
    }
}

/// A stored order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The identity that was given.
    pub identity: OrderIdentity,
    /// Its number.
    pub number: OrderNumber,
    /// When it was placed, by the database's clock.
    pub placed_at: OffsetDateTime,
}

/// The identity in this column.
pub(crate) fn identity(row: &Row, column: impl RowIndex + Display) -> Result<OrderIdentity, DbError> {
    Ok(row.try_get::<_, Uuid>(column)?.into())
}

/// Identities as a parameter.
pub(crate) fn uuids<'a>(identities: impl IntoIterator<Item = &'a OrderIdentity>) -> Vec<Uuid> {
    identities.into_iter().map(OrderIdentity::uuid).collect()
}

/// The outcome of a transaction that was in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOrder {
    /// The stored order.
    pub order: PlacedOrder,
    /// A relay has published its message meanwhile. Nothing is left to do or to decide.
    pub sent: bool,
}

/// Determines the outcome of orders whose transaction was in doubt, and makes it final. Orders that
/// are not returned were not stored and never will be.
///
/// The identity decides: unlike a number or a row id, no other order can have it. This function
/// inserts the identities itself. The insert waits for a transaction that still runs. It bars one
/// that comes late (a frozen server that wakes, a delayed packet): its own insert would collide,
/// and all of it would roll back. Identities of orders that were not stored stay for good.
///
/// # Errors
/// The outcome is still unknown. It can be repeated.
pub async fn find_out(db: &Database, identities: &[OrderIdentity]) -> Result<Vec<FoundOrder>, DbError> {
    let identities = uuids(identities);
    let bar = "
        insert into order_identities (identity)
        select identity from unnest($1::uuid[]) as identity order by identity
        on conflict (identity) do nothing";
    db.query(bar, &[&identities]).await?;
    // A second statement sees what was committed while the first one waited.
    let stored = "
        select identity, number, created_at,
               not exists (select 1 from order_outbox where order_id = orders.id and purpose = 'placed') as sent
        from order_identities join orders on orders.id = order_id
        where identity = any($1) order by orders.id";
    let rows = db.query(stored, &[&identities]).await?;
    rows.iter()
        .map(|row| {
            let number: &str = row.try_get("number")?;
            let order = PlacedOrder {
                identity: identity(row, "identity")?,
                number: number.parse().map_err(DbError::unexpected)?,
                placed_at: row.try_get("created_at")?,
            };
            Ok(FoundOrder { order, sent: row.try_get("sent")? })
        })
        .collect()
}

/// Rebuilds an order's message from the columns of [`MESSAGE_COLUMNS`].
pub(crate) fn order_message(row: &Row) -> Result<OrderMessage, DbError> {
    let json: &str = row.try_get("message")?;
    OrderMessage::parse(json.as_bytes()).map_err(DbError::unexpected)
}

/// For `select`: the request that placed an order of this relation, or an id of ours if an older
/// version placed it.
pub(crate) fn request_id(relation: &str) -> String {
    let prefix = RequestId::SWEEP_PREFIX;
    format!(
        "coalesce((select placed.request_id from order_identities as placed where placed.order_id = {relation}.id),
                  '{prefix}' || {relation}.id)"
    )
}

/// The columns that [`order_message`] reads, from `orders o`. Numerics become JSON numbers digit
/// for digit.
pub(crate) const MESSAGE_COLUMNS: &str = "
    json_build_object(
        'order_number', o.number, 'customer_name', o.customer_name, 'order_type', o.type,
        'table_number', o.table_number, 'delivery_address', o.delivery_address,
        'items', (select json_agg(json_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price) order by i.id)
                  from order_items i where i.order_id = o.id),
        'total_amount', o.total_amount, 'priority', o.priority
    )::text as message";
