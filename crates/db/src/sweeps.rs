//! Orders that wait for longer than they should: their messages may be lost, or buried under more expensive orders.
//!
//! What is found is entered into the outbox once more; the relay sends it. A second message of an order is harmless: the
//! claim decides who cooks it, and the other message is dropped.

use std::time::Duration;

use domain::{OrderNumber, OrderType, Priority};
use tokio_postgres::types::ToSql;

use crate::database::{Database, DbError};

/// Orders of a type that wait without a cook, and without a message that is on its way to the broker.
const WAITING: &str = "
    from orders as o
    where o.type = $1 and o.status in ('received', 'cooking') and o.created_at < now() - make_interval(secs => $2)
      and not exists (select 1 from order_outbox where order_outbox.order_id = o.id)
      and not exists (select 1 from order_claims as claim where claim.order_id = o.id
                      and claim.lease_until > now() - make_interval(secs => $2))";
/// Orders that were not swept lately: the pause doubles with every time.
const NOT_LATELY: &str = "
    not exists (select 1 from order_sweeps as swept where swept.order_id = o.id
                and swept.swept_at > now() - make_interval(secs => $2 * 2 ^ least(swept.times - 1, 10)))";
/// Notes and enters what was found, as `found (id, number)`. A relay that sends such an order at this moment is waited for.
const ENTERED: &str = "
    noted as (
        insert into order_sweeps as swept (order_id, swept_at, times) select id, now(), 1 from found
        on conflict (order_id) do update set swept_at = now(), times = swept.times + 1
    ), entered as (
        insert into order_outbox (order_id, request_id, due_at, purpose)
        select id, 'sweep-' || id, now(), 'again' from found order by id
        on conflict (order_id) do update set due_at = now()
    )
    select number from found";

/// How many orders of a type have waited for longer than `patience`; `limit` means that many or more.
///
/// # Errors
/// The database failed.
pub async fn waiting(
    db: &Database,
    order_type: OrderType,
    patience: Duration,
    limit: i64,
) -> Result<u64, DbError> {
    let sql = format!("select count(*) from (select 1 {WAITING} order by o.created_at limit $3) as waiting");
    let row = db.query_opt(&sql, &[&order_type.as_str(), &patience.as_secs_f64(), &limit]).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    u64::try_from(count).map_err(DbError::unexpected)
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
        "with found as (
            select o.id, o.number {WAITING} and {NOT_LATELY}
            order by o.created_at limit $3 for update of o skip locked
        ), {ENTERED}"
    );
    let rows = db.query(&sql, &[&order_type.as_str(), &patience.as_secs_f64(), &limit]).await?;
    numbers(&rows)
}

/// Gives orders of a type that have been `received` for longer than `max_wait` the highest priority and enters them into the
/// outbox again, however many messages lie in the queues: at most `limit`, the oldest first, at growing intervals. Returns
/// their numbers.
///
/// # Errors
/// The database failed: nothing was lifted, as far as anybody knows; once more is harmless.
pub async fn lift(
    db: &Database,
    order_type: OrderType,
    max_wait: Duration,
    limit: i64,
) -> Result<Vec<OrderNumber>, DbError> {
    let sql = format!(
        "with found as (
            select o.id, o.number from orders as o
            where o.type = $1 and o.status = 'received' and o.created_at < now() - make_interval(secs => $2)
              and {NOT_LATELY}
            order by o.created_at limit $3 for update skip locked
        ), lifted as (
            update orders set priority = $4 from found where orders.id = found.id and priority < $4
        ), {ENTERED}"
    );
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&order_type.as_str(), &max_wait.as_secs_f64(), &limit, &i32::from(Priority::MAX)];
    let rows = db.query(&sql, &parameters).await?;
    numbers(&rows)
}

/// Gives orders of a type whose cook was lost `patience` after the end of his lease the highest priority, and enters them
/// into the outbox again: their guests have waited once already, and the broker may hold their message for a frozen cook for
/// half a minute. At most `limit`, at growing intervals. Returns their numbers.
///
/// # Errors
/// The database failed: nothing was entered, as far as anybody knows; once more is harmless.
pub async fn free_abandoned(
    db: &Database,
    order_type: OrderType,
    patience: Duration,
    limit: i64,
) -> Result<Vec<OrderNumber>, DbError> {
    let sql = format!(
        "with found as (
            select o.id, o.number from orders as o join order_claims as claim on claim.order_id = o.id
            where o.type = $1 and o.status = 'cooking' and claim.lease_until < now() - make_interval(secs => $2)
              and {NOT_LATELY}
            order by o.created_at limit $3 for update of o skip locked
        ), lifted as (
            update orders set priority = $4 from found where orders.id = found.id and priority < $4
        ), {ENTERED}"
    );
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&order_type.as_str(), &patience.as_secs_f64(), &limit, &i32::from(Priority::MAX)];
    let rows = db.query(&sql, &parameters).await?;
    numbers(&rows)
}

/// Forgets notes of orders that wait no longer.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Database) -> Result<(), DbError> {
    let sql = "
        delete from order_sweeps using orders
        where orders.id = order_sweeps.order_id and orders.status not in ('received', 'cooking')";
    db.query(sql, &[]).await.map(drop)
}

fn numbers(rows: &[tokio_postgres::Row]) -> Result<Vec<OrderNumber>, DbError> {
    rows.iter().map(|row| row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)).collect()
}
