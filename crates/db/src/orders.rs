//! `orders` and what belongs to an order from its first moment: identity,
//! items, status log, outbox.

use domain::order_message::OrderMessage;
use domain::{
    Fingerprint, IdempotentRequest, NewOrder, OrderIdentity, OrderNumber, RequestId, order_pointer,
};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::{Database, DbError};

/// Name under which the order service changes orders (specification, history of an order).
pub(crate) const ORDER_SERVICE: &str = "order-service";

/// An order that is about to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// By which it is recognised, whatever becomes of its transaction.
    pub identity: OrderIdentity,
    /// What was ordered.
    pub order: &'a NewOrder,
    /// The request that places it.
    pub request_id: &'a RequestId,
    /// How the client recognises the request, if it may come again.
    pub idempotency: Option<&'a IdempotentRequest>,
}

/// A stored order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// As it was given.
    pub identity: OrderIdentity,
    /// Its number.
    pub number: OrderNumber,
    /// When, by the database's clock.
    pub placed_at: OffsetDateTime,
}

/// Everything about new orders in one statement: one round trip, and the counter row locked for as
/// short as can be. An item finds its order by the order's place among the parameters, in an array:
/// a join would compare each with each.
const PLACE: &str = "
    with counter as (
        insert into order_counters as counter (day, last_number)
        values ((now() at time zone 'utc')::date, $1)
        on conflict (day) do update set last_number = counter.last_number + excluded.last_number
        returning day, last_number - $1 as last_before
    ), numbered as (
        select nextval('orders_id_seq')::int as id,
               input.*, day, (last_before + place)::int as sequence,
               'ORD_' || to_char(day, 'YYYYMMDD') || '_'
                   || lpad((last_before + place)::text, greatest(3, length((last_before + place)::text)), '0') as number
        from counter, unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::int[],
                             $9::text[], $10::text[], $11::bytea[], $17::bytea[])
            with ordinality
            as input (identity, customer_name, type, table_number, delivery_address, total_amount, priority, request_id,
                      key, fingerprint, contents, place)
    ), placed as (
        insert into orders (id, created_at, updated_at, number, customer_name, type, table_number, delivery_address,
                            total_amount, priority, status)
        select id, now(), now(), number, customer_name, type, table_number, delivery_address,
               total_amount::numeric, priority, 'received'
        from numbered order by place
    ), recognisable as (
        insert into order_identities (identity, order_id, request_id, contents)
        select identity, id, request_id, contents from numbered order by place
    ), stored_items as (
        insert into order_items (order_id, name, quantity, price)
        select (select array_agg(id order by place) from numbered)[item.place], name, quantity, price::numeric
        from unnest($12::int[], $13::text[], $14::int[], $15::text[]) with ordinality
            as item (place, name, quantity, price, line)
        order by line
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select id, 'received', $16, now() from numbered order by place
    ), outgoing as (
        insert into order_outbox (order_id, request_id) select id, request_id from numbered
    ), recognised as (
        insert into idempotency_keys (key, fingerprint, order_id)
        select key, fingerprint, id from numbered where key is not null
    )
    select identity, day, sequence, now() from numbered order by place";

/// Stores orders, all or none: numbers, items, first status rows and outbox rows in one
/// transaction. Returns them in the order given.
///
/// The counter row is locked until the commit, so the numbers of a day have no gaps; many orders in
/// one call share that lock and that commit. The day is the database clock's UTC day.
///
/// # Errors
/// Nothing was stored, unless the error [is in doubt](DbError::is_in_doubt):
/// then [`find_out`] tells.
pub async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlacedOrder>, DbError> {
    let count = i32::try_from(orders.len()).map_err(DbError::unexpected)?;
    let identities: Vec<Uuid> = orders.iter().map(|placement| placement.identity.uuid()).collect();
    let customer_names: Vec<&str> =
        orders.iter().map(|placement| placement.order.customer_name.as_str()).collect();
    let types: Vec<&str> =
        orders.iter().map(|placement| placement.order.service.order_type().as_str()).collect();
    let tables: Vec<Option<i32>> =
        orders.iter().map(|placement| placement.order.service.table_number().map(i32::from)).collect();
    let addresses: Vec<Option<&str>> =
        orders.iter().map(|placement| placement.order.service.delivery_address()).collect();
    let totals: Vec<String> =
        orders.iter().map(|placement| placement.order.total_amount.to_string()).collect();
    let priorities: Vec<i32> =
        orders.iter().map(|placement| i32::from(placement.order.priority.get())).collect();
    let request_ids: Vec<&str> = orders.iter().map(|placement| placement.request_id.as_str()).collect();
    let keys: Vec<Option<&str>> =
        orders.iter().map(|placement| placement.idempotency.map(|request| request.key.as_str())).collect();
    let fingerprints: Vec<Option<&[u8]>> = orders
        .iter()
        .map(|placement| placement.idempotency.map(|request| request.fingerprint.as_bytes()))
        .collect();
    let contents: Vec<Fingerprint> = orders
        .iter()
        .map(|placement| order_pointer::contents(&placement.order.total_amount, &placement.order.items))
        .collect();
    let contents: Vec<&[u8]> = contents.iter().map(Fingerprint::as_bytes).collect();

    let items = || {
        orders
            .iter()
            .zip(1_i32..)
            .flat_map(|(placement, place)| placement.order.items.iter().map(move |item| (place, item)))
    };
    let item_places: Vec<i32> = items().map(|(place, _)| place).collect();
    let item_names: Vec<&str> = items().map(|(_, item)| item.name.as_str()).collect();
    let item_quantities: Vec<i32> = items().map(|(_, item)| i32::from(item.quantity)).collect();
    let item_prices: Vec<String> = items().map(|(_, item)| item.price.to_string()).collect();

    let rows = db
        .query(
            PLACE,
            &[
                &count,
                &identities,
                &customer_names,
                &types,
                &tables,
                &addresses,
                &totals,
                &priorities,
                &request_ids,
                &keys,
                &fingerprints,
                &item_places,
                &item_names,
                &item_quantities,
                &item_prices,
                &ORDER_SERVICE,
                &contents,
            ],
        )
        .await?;
    if rows.len() != orders.len() {
        return Err(DbError::unexpected(format!("{} orders given, {} stored", orders.len(), rows.len())));
    }
    rows.iter()
        .map(|row| {
            Ok(PlacedOrder {
                identity: identity(row, 0)?,
                number: order_number(row, 1, 2)?,
                placed_at: row.try_get(3)?,
            })
        })
        .collect()
}

/// An identity in this column.
pub(crate) fn identity(row: &Row, column: usize) -> Result<OrderIdentity, DbError> {
    Ok(row.try_get::<_, Uuid>(column)?.into())
}

/// Identities as a parameter.
pub(crate) fn uuids<'a>(identities: impl IntoIterator<Item = &'a OrderIdentity>) -> Vec<Uuid> {
    identities.into_iter().map(OrderIdentity::uuid).collect()
}

fn order_number(row: &Row, day: usize, sequence: usize) -> Result<OrderNumber, DbError> {
    let day: Date = row.try_get(day)?;
    let sequence: i32 = row.try_get(sequence)?;
    Ok(OrderNumber::new(day, u32::try_from(sequence).map_err(DbError::unexpected)?))
}

/// What became of an order whose transaction had an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOrder {
    /// It was stored.
    pub order: PlacedOrder,
    /// A relay has sent its message meanwhile: nothing is left to do, or to decide.
    pub sent: bool,
}

/// Finds out what became of orders whose transaction has an unknown outcome, and makes it final:
/// those that are not returned were not stored and never will be.
///
/// The identity is what decides: unlike a number or a row id, no other order can have it. An entry
/// of ours waits for a transaction that is still running, and bars one that comes late (a frozen
/// server that wakes, a packet under way): its own entry would collide, and nothing of it be
/// stored. Entries of orders that were not stored stay for good.
///
/// # Errors
/// It is still not known; asking again is safe.
pub async fn find_out(db: &Database, identities: &[OrderIdentity]) -> Result<Vec<FoundOrder>, DbError> {
    let identities = uuids(identities);
    let bar = "
        insert into order_identities (identity)
        select identity from unnest($1::uuid[]) as identity order by identity
        on conflict (identity) do nothing";
    db.query(bar, &[&identities]).await?;
    // A second statement: it sees what committed while the first one waited.
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
                identity: identity(row, 0)?,
                number: number.parse().map_err(DbError::unexpected)?,
                placed_at: row.try_get("created_at")?,
            };
            Ok(FoundOrder { order, sent: row.try_get("sent")? })
        })
        .collect()
}

/// Rebuilds an order's message from its rows: `orders` columns as selected by [`MESSAGE_COLUMNS`].
pub(crate) fn order_message(row: &Row) -> Result<OrderMessage, DbError> {
    let json: &str = row.try_get("message")?;
    OrderMessage::parse(json.as_bytes()).map_err(DbError::unexpected)
}

/// Selects what [`order_message`] reads, from `orders o`. Numerics become JSON
/// numbers digit for digit.
pub(crate) const MESSAGE_COLUMNS: &str = "
    json_build_object(
        'order_number', o.number, 'customer_name', o.customer_name, 'order_type', o.type,
        'table_number', o.table_number, 'delivery_address', o.delivery_address,
        'items', (select json_agg(json_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price) order by i.id)
                  from order_items i where i.order_id = o.id),
        'total_amount', o.total_amount, 'priority', o.priority
    )::text as message";
