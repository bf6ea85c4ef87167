//! Finds orders that wait too long: their messages may be lost, or stuck behind more expensive
//! orders.
//!
//! Such orders are inserted into the outbox again, and the relay publishes them. A second message
//! of an order is harmless: the claim decides who cooks it, and the other message is dropped. An
//! order that is in the outbox already is left to the relay.
//!
//! Each action has its own backoff (`rescue_attempts`): the pause between two attempts at an order
//! doubles, up to 64 times the first. So an order that is redelivered again and again is still
//! escalated in time.

use std::collections::HashMap;
use std::time::Duration;

use domain::{OrderIdentity, OrderNumber, OrderType, Priority, RequestId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::database::{Database, DbError};
use crate::orders::request_id;

/// An order that was inserted into the outbox again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescued {
    /// Its number.
    pub number: OrderNumber,
    /// The request that placed it.
    pub request_id: RequestId,
}

/// Orders of type $1 that are older than $2 seconds, or have a time in the future: then the
/// database's clock was set back, and their age is unknown. (One minute allows for small
/// corrections.)
const OLD: &str = "o.type = $1 and (o.created_at < now() - make_interval(secs => $2)
                                    or o.created_at > now() + interval '1 minute')";
/// Orders without a message in the outbox.
const SENT: &str = "not exists (select 1 from order_outbox where order_outbox.order_id = o.id)";
/// Unclaimed orders: never claimed, or $2 seconds after the lease of a lost worker expired.
const UNCLAIMED: &str = "
    o.status in ('received', 'cooking')
    and not exists (select 1 from order_claims as claim where claim.order_id = o.id
                    and claim.lease_until > now() - make_interval(secs => $2))";

/// Orders without a recent attempt of an action. A time in the future counts as long ago.
fn not_lately(action: &str) -> String {
    format!(
        "not exists (select 1 from rescue_attempts as tried
                     cross join make_interval(secs => $2 * 2 ^ least(tried.times - 1, 6)) as pause
                     where tried.order_id = o.id and tried.action = '{action}'
                       and tried.last_at between now() - pause and now() + pause)"
    )
}

/// Records the attempts, inserts `found (id, number)` into the outbox, and returns it.
fn entered(action: &str) -> String {
    format!(
        "requested as (
            select id, number, {REQUEST_ID} as request_id from found
        ), noted as (
            insert into rescue_attempts as tried (order_id, action, last_at, times)
            select id, '{action}', now(), 1 from found order by id
            on conflict (order_id, action) do update set last_at = now(), times = tried.times + 1
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at, purpose)
            select id, request_id, now(), 'again' from requested order by id
            on conflict (order_id) do nothing
        )
        select number, request_id from requested",
        REQUEST_ID = request_id("found")
    )
}

/// Returns orders of a type that have waited longer than `min_wait` and whose messages were
/// confirmed: the row ids of the oldest, at most `limit`.
///
/// # Errors
/// The database failed.
pub async fn waiting(
    db: &Database,
    order_type: OrderType,
    min_wait: Duration,
    limit: i64,
) -> Result<Vec<i32>, DbError> {
    let sql = format!(
        "select o.id from orders as o where {OLD} and {UNCLAIMED} and {SENT} order by o.created_at limit $3"
    );
    let rows = db.query(&sql, &[&order_type.as_str(), &min_wait.as_secs_f64(), &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Returns those of the orders that still wait and that no live worker holds. Workers report what
/// they hold without cooking it, at most
/// [`HOLDINGS_INTERVAL`](deadlines::kitchen::HOLDINGS_INTERVAL) late.
///
/// # Errors
/// The database failed.
pub async fn still_waiting(db: &Database, ids: &[i32], min_wait: Duration) -> Result<Vec<i32>, DbError> {
    let sql = format!(
        "with {held}
        select o.id from orders as o
        where o.id = any($1) and {UNCLAIMED} and {SENT}
          and not exists (select 1 from held where held.number = o.number)
        order by o.created_at",
        held = crate::workers::held()
    );
    let rows = db.query(&sql, &[&ids, &min_wait.as_secs_f64()]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Inserts orders whose messages are lost into the outbox again: the oldest of these rows, at most
/// `limit`. The pause of an order is `min_wait` after the first attempt, and doubles with each
/// further one.
///
/// # Errors
/// The database failed. Nothing was inserted, as far as is known. It can be repeated.
pub async fn redeliver(
    db: &Database,
    ids: &[i32],
    min_wait: Duration,
    limit: i64,
) -> Result<Vec<Rescued>, DbError> {
    let sql = format!(
        "with found as (
            select o.id, o.number from orders as o
            where o.id = any($1) and {UNCLAIMED} and {SENT} and {}
            order by o.created_at limit $3 for update of o skip locked
        ), {}",
        not_lately("redeliver"),
        entered("redeliver")
    );
    rescued(&db.query(&sql, &[&ids, &min_wait.as_secs_f64(), &limit]).await?)
}

/// Escalates orders of a type that have been `received` for longer than `max_wait`: sets the
/// highest priority, and inserts them into the outbox again. It ignores queued messages and earlier
/// redeliveries. At most `limit`, the oldest first, with growing pauses.
///
/// # Errors
/// The database failed. Nothing was escalated, as far as is known. It can be repeated.
pub async fn escalate(
    db: &Database,
    order_type: OrderType,
    max_wait: Duration,
    limit: i64,
) -> Result<Vec<Rescued>, DbError> {
    let sql = format!(
        "with found as (
            select o.id, o.number from orders as o
            where {OLD} and o.status = 'received' and {SENT} and {}
            order by o.created_at limit $3 for update of o skip locked
        ), {LIFTED}, {}",
        not_lately("escalate"),
        entered("escalate")
    );
    escalated(db, &sql, order_type, max_wait, limit).await
}

/// Reclaims orders of a type whose worker was lost, `min_wait` after the lease expired: sets the
/// highest priority, and inserts them into the outbox again. Their guests have waited once already,
/// and RabbitMQ may hold their message for a frozen worker for half a minute. At most `limit`, with
/// growing pauses.
///
/// # Errors
/// The database failed. Nothing was inserted, as far as is known. It can be repeated.
pub async fn reclaim(
    db: &Database,
    order_type: OrderType,
    min_wait: Duration,
    limit: i64,
) -> Result<Vec<Rescued>, DbError> {
    let sql = format!(
        "with found as (
            select o.id, o.number from orders as o join order_claims as claim on claim.order_id = o.id
            where o.type = $1 and o.status = 'cooking' and claim.lease_until < now() - make_interval(secs => $2)
              and {SENT} and {}
            order by o.created_at limit $3 for update of o skip locked
        ), {LIFTED}, {}",
        not_lately("reclaim"),
        entered("reclaim")
    );
    escalated(db, &sql, order_type, min_wait, limit).await
}

const LIFTED: &str = "
    escalated as (update orders set priority = $4 from found where orders.id = found.id and priority < $4)";

async fn escalated(
    db: &Database,
    sql: &str,
    order_type: OrderType,
    min_wait: Duration,
    limit: i64,
) -> Result<Vec<Rescued>, DbError> {
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&order_type.as_str(), &min_wait.as_secs_f64(), &limit, &i32::from(Priority::MAX)];
    rescued(&db.query(sql, &parameters).await?)
}

/// Orders whose messages were in the safety net without a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rerouted {
    /// For each message, in this order: whether its order exists. Then the order is in the outbox
    /// now, or needs no message.
    pub known: Vec<bool>,
    /// The orders that were inserted into the outbox.
    pub entered: Vec<Rescued>,
}

/// A message in the safety net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnroutedMessage {
    /// The number of its order.
    pub number: OrderNumber,
    /// The order that it points to, if it says so.
    pub identity: Option<OrderIdentity>,
}

/// Inserts waiting orders into the outbox again at once: their messages are in the safety net
/// without a consumer. A message that points to another order than that of its number counts as
/// unknown.
///
/// # Errors
/// The database failed. Nothing was inserted, as far as is known. It can be repeated.
pub async fn reroute(db: &Database, unrouted: &[UnroutedMessage]) -> Result<Rerouted, DbError> {
    // An order that cooks is reclaimed if its worker is lost.
    let sql = format!(
        "with unrouted as (
            select * from unnest($1::text[], $2::uuid[]) as message (number, identity)
        ), known as (
            select o.id, o.number, o.status from orders as o
            where o.number = any($1)
              and exists (select 1 from unrouted where unrouted.number = o.number
                          and (identity is null or identity = (select identity from order_identities where order_id = o.id)))
            order by o.id for update of o
        ), found as (
            select id, number from known where status = 'received'
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at, purpose)
            select id, {}, now(), 'again' from found order by id
            on conflict (order_id) do nothing returning order_id, request_id
        )
        select number, request_id, (select identity from order_identities where order_identities.order_id = known.id)
        from known left join entered on entered.order_id = known.id",
        request_id("found")
    );
    let numbers: Vec<String> = unrouted.iter().map(|message| message.number.to_string()).collect();
    let identities: Vec<Option<Uuid>> =
        unrouted.iter().map(|message| message.identity.map(|identity| identity.uuid())).collect();
    let rows = db.query(&sql, &[&numbers, &identities]).await?;
    let (mut known, mut entered) = (HashMap::new(), Vec::new());
    for row in &rows {
        let number: OrderNumber = row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)?;
        known.insert(number, row.try_get::<_, Option<Uuid>>(2)?.map(OrderIdentity::from));
        if row.try_get::<_, Option<&str>>(1)?.is_some() {
            entered.push(rescue(row)?);
        }
    }
    let is_known = |message: &UnroutedMessage| {
        let identity = known.get(&message.number);
        identity.is_some_and(|identity| message.identity.is_none() || message.identity == *identity)
    };
    Ok(Rerouted { known: unrouted.iter().map(is_known).collect(), entered })
}

/// Deletes the attempts of orders that no longer wait.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Database) -> Result<(), DbError> {
    let sql = "
        delete from rescue_attempts using orders
        where orders.id = rescue_attempts.order_id and orders.status not in ('received', 'cooking')";
    db.query(sql, &[]).await.map(drop)
}

fn rescued(rows: &[Row]) -> Result<Vec<Rescued>, DbError> {
    rows.iter().map(rescue).collect()
}

fn rescue(row: &Row) -> Result<Rescued, DbError> {
    Ok(Rescued {
        number: row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)?,
        request_id: RequestId::parse(row.try_get(1)?)
            .ok_or_else(|| DbError::unexpected("an order without a request id"))?,
    })
}
