//! Orders that wait for longer than they should: their messages may be lost, or buried under more expensive orders.
//!
//! What is found is entered into the outbox once more; the relay sends it. A second message of an order is harmless: the
//! claim decides who cooks it, and the other message is dropped.

use std::time::Duration;

use domain::{OrderNumber, OrderType, Priority};

use crate::database::{Database, DbError};

/// Orders that wait without a cook, and without a message that is on its way to the broker.
const WAITING: &str = "
    from orders as o
    where o.status in ('received', 'cooking') and o.created_at < now() - make_interval(secs => $1)
      and not exists (select 1 from order_outbox where order_outbox.order_id = o.id)
      and not exists (select 1 from order_claims as claim where claim.order_id = o.id
                      and claim.lease_until > now() - make_interval(secs => $1))";

/// How many orders of each type have waited for longer than `patience`; `limit` means that many or more.
///
/// # Errors
/// The database failed.
pub async fn waiting(
    db: &Database,
    patience: Duration,
    limit: i64,
) -> Result<Vec<(OrderType, usize)>, DbError> {
    let sql = format!(
        "select type, count(*) from (select o.type {WAITING} order by o.created_at limit $2) as waiting group by type"
    );
    let rows = db.query(&sql, &[&patience.as_secs_f64(), &limit]).await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.try_get(1)?;
            let order_type = row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)?;
            Ok((order_type, usize::try_from(count).map_err(DbError::unexpected)?))
        })
        .collect()
}

/// Enters orders of a type into the outbox again, the oldest first, at most `limit`. Each is left alone for `patience`
/// after the first time, then for twice as long after every further one. Returns their numbers.
///
/// # Errors
/// The database failed: nothing was entered, as far as anybody knows; once more is harmless.
pub async fn send_again(
    db: &Database,
    order_type: OrderType,
    patience: Duration,
    limit: i64,
) -> Result<Vec<OrderNumber>, DbError> {
    let sql = format!(
        "with lost as (
            select o.id, o.number {WAITING} and o.type = $2
              and not exists (select 1 from order_sweeps as swept where swept.order_id = o.id
                              and swept.swept_at > now() - make_interval(secs => $1 * 2 ^ least(swept.times - 1, 10)))
            order by o.created_at limit $3 for update of o skip locked
        ), noted as (
            insert into order_sweeps as swept (order_id, swept_at, times) select id, now(), 1 from lost
            on conflict (order_id) do update set swept_at = now(), times = swept.times + 1
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at) select id, 'sweep-' || id, now() from lost
            on conflict (order_id) do nothing
        )
        select number from lost"
    );
    let rows = db.query(&sql, &[&patience.as_secs_f64(), &order_type.as_str(), &limit]).await?;
    numbers(&rows)
}

/// Lifts orders that have been `received` for longer than `max_wait` to the highest priority and enters them into the
/// outbox again: at most `limit`, the oldest first. Returns their numbers.
///
/// # Errors
/// The database failed: nothing was lifted, as far as anybody knows; once more is harmless.
pub async fn lift(db: &Database, max_wait: Duration, limit: i64) -> Result<Vec<OrderNumber>, DbError> {
    let sql = "
        with overdue as (
            select id, number from orders
            where status = 'received' and created_at < now() - make_interval(secs => $1) and priority < $2
            order by created_at limit $3 for update skip locked
        ), lifted as (
            update orders set priority = $2 from overdue where orders.id = overdue.id
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at) select id, 'overdue-' || id, now() from overdue
            on conflict (order_id) do nothing
        )
        select number from overdue";
    let rows = db.query(sql, &[&max_wait.as_secs_f64(), &i32::from(Priority::MAX), &limit]).await?;
    numbers(&rows)
}

/// Forgets notes of orders that wait no longer, and outbox entries that barred an order from being stored a day ago.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Database) -> Result<(), DbError> {
    let sql = "
        delete from order_sweeps using orders
        where orders.id = order_sweeps.order_id and orders.status not in ('received', 'cooking')";
    db.query(sql, &[]).await?;
    let sql = "
        delete from order_outbox where due_at < now() - interval '1 day'
          and not exists (select 1 from orders where orders.id = order_outbox.order_id)";
    db.query(sql, &[]).await.map(drop)
}

fn numbers(rows: &[tokio_postgres::Row]) -> Result<Vec<OrderNumber>, DbError> {
    rows.iter().map(|row| row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)).collect()
}
