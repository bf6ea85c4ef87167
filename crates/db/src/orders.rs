//! `orders` and what belongs to an order from its first moment: items, status log, outbox.

use domain::order_message::OrderMessage;
use domain::{NewOrder, OrderNumber, RequestId};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;

use crate::database::{Database, DbError};

/// Name under which the order service changes orders (specification, history of an order).
const ORDER_SERVICE: &str = "order-service";

/// A stored order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// Its row; also the key of its outbox row.
    pub id: i32,
    /// Its number.
    pub number: OrderNumber,
    /// When, by the database's clock.
    pub placed_at: OffsetDateTime,
}

/// Stores orders, all or none: numbers, items, first status rows and outbox rows in one transaction.
/// Returns them in the order given.
///
/// The counter row is locked until the commit, so the numbers of a day have no gaps; many orders in one call share
/// that lock and that commit. The day is the database clock's UTC day.
///
/// # Errors
/// Nothing was stored, unless the connection broke before the answer came.
pub async fn place(db: &Database, orders: &[(&NewOrder, &RequestId)]) -> Result<Vec<PlacedOrder>, DbError> {
    let count = i32::try_from(orders.len()).map_err(DbError::unexpected)?;
    let customer_names: Vec<&str> = orders.iter().map(|(order, _)| order.customer_name.as_str()).collect();
    let types: Vec<&str> = orders.iter().map(|(order, _)| order.service.order_type().as_str()).collect();
    let tables: Vec<Option<i32>> =
        orders.iter().map(|(order, _)| order.service.table_number().map(i32::from)).collect();
    let addresses: Vec<Option<&str>> =
        orders.iter().map(|(order, _)| order.service.delivery_address()).collect();
    let totals: Vec<String> = orders.iter().map(|(order, _)| order.total_amount.to_string()).collect();
    let priorities: Vec<i32> = orders.iter().map(|(order, _)| i32::from(order.priority.get())).collect();
    let request_ids: Vec<&str> = orders.iter().map(|(_, request_id)| request_id.as_str()).collect();

    let items = || {
        (1_i64..)
            .zip(orders)
            .flat_map(|(place, (order, _))| order.items.iter().map(move |item| (place, item)))
    };
    let item_places: Vec<i64> = items().map(|(place, _)| place).collect();
    let item_names: Vec<&str> = items().map(|(_, item)| item.name.as_str()).collect();
    let item_quantities: Vec<i32> = items().map(|(_, item)| i32::from(item.quantity)).collect();
    let item_prices: Vec<String> = items().map(|(_, item)| item.price.to_string()).collect();

    let sql = "
        with counter as (
            insert into order_counters as counter (day, last_number)
            values ((now() at time zone 'utc')::date, $1)
            on conflict (day) do update set last_number = counter.last_number + excluded.last_number
            returning day, last_number - $1 as last_before
        ), numbered as (
            select input.*, day, (last_before + place)::int as sequence,
                   'ORD_' || to_char(day, 'YYYYMMDD') || '_'
                       || lpad((last_before + place)::text, greatest(3, length((last_before + place)::text)), '0') as number
            from counter, unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::text[])
                with ordinality
                as input (customer_name, type, table_number, delivery_address, total_amount, priority, request_id, place)
        ), placed as (
            insert into orders (created_at, updated_at, number, customer_name, type, table_number, delivery_address,
                                total_amount, priority, status)
            select now(), now(), number, customer_name, type, table_number, delivery_address,
                   total_amount::numeric, priority, 'received'
            from numbered order by place
            returning id, number
        ), stored_items as (
            insert into order_items (order_id, name, quantity, price)
            select placed.id, item.name, item.quantity, item.price::numeric
            from unnest($9::bigint[], $10::text[], $11::int[], $12::text[]) with ordinality
                as item (place, name, quantity, price, line)
            join numbered using (place) join placed on placed.number = numbered.number
            order by item.line
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at)
            select id, 'received', $13, now() from placed order by id
        ), outgoing as (
            insert into order_outbox (order_id, request_id, created_at)
            select placed.id, numbered.request_id, now() from placed join numbered using (number)
        )
        select placed.id, numbered.day, numbered.sequence, now() from placed join numbered using (number) order by numbered.place";
    let rows = db
        .query(
            sql,
            &[
                &count,
                &customer_names,
                &types,
                &tables,
                &addresses,
                &totals,
                &priorities,
                &request_ids,
                &item_places,
                &item_names,
                &item_quantities,
                &item_prices,
                &ORDER_SERVICE,
            ],
        )
        .await?;
    if rows.len() != orders.len() {
        return Err(DbError::unexpected(format!("{} orders given, {} stored", orders.len(), rows.len())));
    }
    rows.iter()
        .map(|row| {
            Ok(PlacedOrder {
                id: row.try_get(0)?,
                number: order_number(row, 1, 2)?,
                placed_at: row.try_get(3)?,
            })
        })
        .collect()
}

fn order_number(row: &Row, day: usize, sequence: usize) -> Result<OrderNumber, DbError> {
    let day: Date = row.try_get(day)?;
    let sequence: i32 = row.try_get(sequence)?;
    Ok(OrderNumber::new(day, u32::try_from(sequence).map_err(DbError::unexpected)?))
}

/// Takes back orders whose message could not be sent: those still `received` become `cancelled`, and will never be
/// cooked. Their outbox rows go. Returns the ids of those that were cancelled; a worker already has the others.
///
/// # Errors
/// The database failed: whether they were cancelled is open.
pub async fn cancel_unsent(db: &Database, ids: &[i32], reason: &str) -> Result<Vec<i32>, DbError> {
    let sql = "
        with cancelled as (
            update orders set status = 'cancelled', updated_at = now()
            where id = any($1) and status = 'received'
            returning id
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at, notes)
            select id, 'cancelled', $2, now(), $3 from cancelled order by id
        ), settled as (
            delete from order_outbox where order_id = any($1)
        )
        select id from cancelled";
    let rows = db.query(sql, &[&ids, &ORDER_SERVICE, &reason]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Rebuilds an order's message from its rows: `orders` columns as selected by [`MESSAGE_COLUMNS`].
pub(crate) fn order_message(row: &Row) -> Result<OrderMessage, DbError> {
    let json: &str = row.try_get("message")?;
    OrderMessage::parse(json.as_bytes()).map_err(DbError::unexpected)
}

/// Selects what [`order_message`] reads, from `orders o`. Numerics become JSON numbers digit for digit.
pub(crate) const MESSAGE_COLUMNS: &str = "
    json_build_object(
        'order_number', o.number, 'customer_name', o.customer_name, 'order_type', o.type,
        'table_number', o.table_number, 'delivery_address', o.delivery_address,
        'items', (select json_agg(json_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price) order by i.id)
                  from order_items i where i.order_id = o.id),
        'total_amount', o.total_amount, 'priority', o.priority
    )::text as message";
