//! `order_outbox`, `status_outbox` and `request_outbox`: messages of committed transactions that
//! RabbitMQ has not confirmed yet.

mod request_events;

use std::time::Duration;

use deadlines::database::RELAY_DEADLINE;
use deadlines::outbox::{MAX_PAUSE, RELAY_GRACE};
use domain::{OrderIdentity, OrderMessage, OrderNumber, OrderType, RequestId, StatusUpdate};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql};
use uuid::Uuid;

pub use self::request_events::{RequestEventRow, RequestStream, relay_request_events};
use crate::database::{Database, DbError, PoolChoice};
use crate::held_orders::not_held;
use crate::orders::{MESSAGE_COLUMNS, order_message, uuids};
use crate::traceparents;

/// Whether a row is due. A due time beyond the longest backoff was written before the database's
/// clock was set back.
const DUE: &str = "(due_at <= now() or due_at > now() + interval '2 minutes')";

/// For `insert`: when a row is due whose message its writer publishes at once. The default of the
/// column is for programs of older versions.
pub(crate) fn due_after_grace() -> String {
    format!("now() + make_interval(secs => {})", RELAY_GRACE.as_secs())
}

/// An order's row, looked up by its key, whatever the plan was made for. So it reads no more orders
/// than outbox rows.
const ITS_ORDER: &str =
    "cross join lateral (select * from orders where orders.id = outbox.order_id offset 0) as o";

/// An order that is held is not sent. Of one that was cancelled since, the message is: nobody cooks
/// it, and its row would stay for ever.
fn may_be_sent() -> String {
    format!("(o.status = 'cancelled' or {})", not_held("outbox.order_id"))
}

/// Which messages are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The order types with due orders.
    pub orders: Vec<OrderType>,
    /// Whether status updates are due.
    pub status_updates: bool,
    /// The streams with due events of requests.
    pub request_events: Vec<RequestStream>,
}

/// Checks what is due. One statement, which usually finds nothing.
///
/// # Errors
/// The database failed.
pub async fn due(db: &Database) -> Result<Due, DbError> {
    let sql = format!(
        "select array(select wanted from unnest($1::text[]) as wanted
                      where exists (select 1 from order_outbox as outbox {ITS_ORDER}
                                    where o.type = wanted and {DUE} and {may_be_sent})),
                exists (select 1 from status_outbox where {DUE}),
                array(select wanted from unnest($2::text[]) as wanted
                      where exists (select 1 from request_outbox where stream = wanted and {DUE}))",
        may_be_sent = may_be_sent()
    );
    let types = OrderType::ALL.map(OrderType::as_str);
    let streams = RequestStream::ALL.map(RequestStream::as_str);
    let row = db.query_opt(&sql, &[&types.as_slice(), &streams.as_slice()]).await?;
    let Some(row) = row else { return Ok(Due::default()) };
    let (types, streams): (Vec<&str>, Vec<&str>) = (row.try_get(0)?, row.try_get(2)?);
    let orders =
        OrderType::ALL.into_iter().filter(|order_type| types.contains(&order_type.as_str())).collect();
    let request_events =
        RequestStream::ALL.into_iter().filter(|stream| streams.contains(&stream.as_str())).collect();
    Ok(Due { orders, status_updates: row.try_get(1)?, request_events })
}

/// A status update to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOutboxRow {
    /// Its row id.
    pub id: i64,
    /// The request that the change belongs to.
    pub request_id: RequestId,
    /// The message.
    pub update: StatusUpdate,
    /// Whether its transaction began more than [`OLD`] ago.
    pub is_old: bool,
}

/// An order to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderOutboxRow {
    /// The row id of its order.
    pub order_id: i32,
    /// It identifies the order to the kitchen. `None` if a service of an older version placed it.
    pub identity: Option<OrderIdentity>,
    /// The request that placed it.
    pub request_id: RequestId,
    /// When it was placed, by the database's clock.
    pub placed_at: OffsetDateTime,
    /// The message.
    pub message: OrderMessage,
    /// Whether its transaction began more than [`OLD`] ago.
    pub is_old: bool,
}

/// After this time nobody looks at the trace of a request any more: what is sent then begins a new
/// one, with a link. It counts from the begin of the transaction that wrote the row, at most 10 s
/// before its commit.
pub const OLD: Duration = Duration::from_mins(1);

/// Lets the statement's commit return before it is durable. A power cut may restore the deleted
/// rows, and their messages are published once more.
const ASYNC_COMMIT: &str =
    "with unhurried as materialized (select set_config('synchronous_commit', 'off', true))";

/// Deletes the rows of orders whose messages are confirmed.
///
/// # Errors
/// The database failed. The messages may be published again, which is harmless.
pub async fn settle_orders(db: &Database, orders: &[OrderIdentity]) -> Result<(), DbError> {
    // Only by arrays of keys, whatever the plan was made for: see `relay_status_updates`.
    let sql = format!(
        "{ASYNC_COMMIT} delete from order_outbox using unhurried
         where order_id = any(array(select order_id from order_identities where identity = any($1)))"
    );
    db.query(&sql, &[&uuids(orders)]).await.map(drop)
}

/// Deletes the rows of status updates that are confirmed.
///
/// # Errors
/// The database failed. The messages may be published again, and subscribers drop them.
pub async fn settle_status_updates(db: &Database, ids: &[i64]) -> Result<(), DbError> {
    let sql = format!("{ASYNC_COMMIT} delete from status_outbox using unhurried where id = any($1)");
    db.query(&sql, &[&ids]).await.map(drop)
}

/// The outcome of published messages, by the keys of their rows. A row in no list is published
/// again as if nothing had happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published<K> {
    /// RabbitMQ confirmed them.
    pub confirmed: Vec<K>,
    /// RabbitMQ or this program refused each of them: they back off.
    pub refused: Vec<K>,
    /// Each was sent alone, and the connection broke: they back off too.
    pub suspected: Vec<K>,
}

impl<K> Default for Published<K> {
    fn default() -> Self {
        Self { confirmed: Vec::new(), refused: Vec::new(), suspected: Vec::new() }
    }
}

/// The result of a relay's run.
#[derive(Debug, Default)]
pub struct Relayed {
    /// The number of due messages.
    pub found: usize,
    /// The number of confirmed messages.
    pub confirmed: usize,
    /// Messages that back off because they were refused or cannot be decoded.
    pub backed_off: usize,
    /// Messages that back off because the connection broke while they were sent.
    pub suspected: usize,
    /// Rows that could not be decoded.
    pub unreadable: Vec<DbError>,
}

/// What one run selects. Rows that were never refused come first; the others get at least a quarter
/// of the limit. So a row that is refused again and again neither blocks others nor is blocked.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The most rows.
    pub limit: u16,
    /// The backoff of a row after this many refusals, counted from 1.
    pub pause: fn(u32) -> Duration,
}

/// Publishes due orders of a type, but none that is held, and locks their rows against other relays
/// meanwhile. `publish` returns the outcomes: confirmed rows are deleted, refused ones back off.
///
/// The publishing runs inside one transaction.
///
/// # Errors
/// The database failed. The next run finds everything again.
pub async fn relay_orders(
    db: &Database,
    order_type: OrderType,
    look: Look,
    publish: impl AsyncFnOnce(Vec<OrderOutboxRow>) -> Published<i32>,
) -> Result<Relayed, DbError> {
    let select = format!(
        "select outbox.order_id, outbox.attempts, outbox.request_id, o.created_at,
                (select identity from order_identities where order_id = o.id) as identity, outbox.traceparent,
                coalesce(o.created_at < now() - make_interval(secs => {OLD}), false) as is_old, {MESSAGE_COLUMNS}
         from order_outbox outbox {ITS_ORDER}
         where (outbox.attempts > 0) = $2 and o.type = $3 and {DUE} and {may_be_sent}
         order by outbox.order_id limit $1
         for update of outbox skip locked",
        OLD = OLD.as_secs(),
        may_be_sent = may_be_sent()
    );
    let order_type = order_type.as_str();
    let statements = Statements {
        select: &select,
        parameters: &[&order_type],
        delete: "delete from order_outbox where order_id = any($1)",
        back_off: "
            update order_outbox set attempts = attempts + 1, due_at = statement_timestamp() + make_interval(secs => pause)
            from unnest($1::int[], $2::float8[]) as refused (key, pause) where order_id = key",
    };
    relay(db, statements, look, order_row, publish).await
}

/// As [`relay_orders`], for status updates. Of each order it takes only the oldest, so that no
/// subscriber sees it ready before it cooks. Older ones are found by the order, never by their ids
/// (`+ 0`), whatever the plan was made for.
///
/// # Errors
/// The database failed. The next run finds everything again.
pub async fn relay_status_updates(
    db: &Database,
    look: Look,
    publish: impl AsyncFnOnce(Vec<StatusOutboxRow>) -> Published<i64>,
) -> Result<Relayed, DbError> {
    let select = format!(
        "select id, attempts, request_id, order_number, old_status, new_status, changed_by, changed_at, estimated_completion,
                traceparent, changed_at < now() - make_interval(secs => {OLD}) as is_old
         from status_outbox as next
         where (attempts > 0) = $2 and {DUE}
           and not exists (select 1 from status_outbox as older
                           where older.order_number = next.order_number and older.id + 0 < next.id)
         order by id limit $1
         for update skip locked",
        OLD = OLD.as_secs()
    );
    let statements = Statements {
        select: &select,
        parameters: &[],
        delete: "delete from status_outbox where id = any($1)",
        back_off: "
            update status_outbox set attempts = attempts + 1, due_at = statement_timestamp() + make_interval(secs => pause)
            from unnest($1::bigint[], $2::float8[]) as refused (key, pause) where id = key",
    };
    relay(db, statements, look, status_row, publish).await
}

/// The statements of one outbox. The first selected columns are the row's key and its number of
/// refusals. The first parameters are the limit, and whether the rows were refused before. A
/// backoff counts from the time of its statement (`statement_timestamp()`): the transaction began
/// before publishing.
struct Statements<'a> {
    select: &'a str,
    parameters: &'a [&'a (dyn ToSql + Sync)],
    delete: &'a str,
    back_off: &'a str,
}

async fn relay<R, K>(
    db: &Database,
    statements: Statements<'_>,
    look: Look,
    read: fn(&Row) -> Result<R, DbError>,
    publish: impl AsyncFnOnce(Vec<R>) -> Published<K>,
) -> Result<Relayed, DbError>
where
    K: FromSqlOwned + PartialEq + Copy,
    Vec<K>: ToSql + Sync,
{
    // The first run that has read its rows takes it. Nothing was published before that.
    let mut publish = Some(publish);
    db.transaction(PoolChoice::Reserved, RELAY_DEADLINE, async |transaction| {
        let statement = transaction.prepare_cached(statements.select).await?;
        let find = async |limit: usize, again: bool| -> Result<Vec<Row>, DbError> {
            let limit = i64::try_from(limit).map_err(DbError::unexpected)?;
            let parameters = [&[&limit as &(dyn ToSql + Sync), &again], statements.parameters].concat();
            Ok(transaction.query(&statement, &parameters).await?)
        };
        let places = usize::from(look.limit);
        let mut rows = find(places, false).await?;
        let refused_before = find(places.saturating_sub(rows.len()).max(places / 4), true).await?;
        rows.truncate(places.saturating_sub(refused_before.len()));
        rows.extend(refused_before);
        let mut relayed = Relayed { found: rows.len(), ..Relayed::default() };
        let mut readable = Vec::with_capacity(rows.len());
        let (mut refused, mut suspected) = (Vec::new(), Vec::new());
        for row in &rows {
            match read(row) {
                Ok(message) => readable.push(message),
                Err(why) => {
                    refused.push(row.try_get::<_, K>(0)?);
                    relayed.unreadable.push(why);
                }
            }
        }
        if !readable.is_empty() {
            let publish = publish.take().ok_or_else(|| DbError::unexpected("published already"))?;
            let published = publish(readable).await;
            refused.extend(published.refused);
            suspected = published.suspected;
            relayed.suspected = suspected.len();
            relayed.confirmed = published.confirmed.len();
            transaction.execute(statements.delete, &[&published.confirmed]).await?;
        }
        relayed.backed_off = refused.len();
        refused.extend(suspected);
        if !refused.is_empty() {
            let pauses = pauses(&rows, &refused, look.pause)?;
            transaction.execute(statements.back_off, &[&refused, &pauses]).await?;
        }
        Ok(relayed)
    })
    .await
}

/// The backoffs of refused rows in seconds, in their order.
fn pauses<K: FromSqlOwned + PartialEq>(
    rows: &[Row],
    refused: &[K],
    pause: fn(u32) -> Duration,
) -> Result<Vec<f64>, DbError> {
    let mut attempts = Vec::with_capacity(rows.len());
    for row in rows {
        attempts.push((row.try_get::<_, K>(0)?, row.try_get::<_, i32>(1)?));
    }
    let before = |key: &K| attempts.iter().find(|(known, _)| known == key).map_or(0, |(_, times)| *times);
    let times = |key: &K| u32::try_from(before(key)).unwrap_or(0).saturating_add(1);
    Ok(refused.iter().map(|key| pause(times(key)).min(MAX_PAUSE).as_secs_f64()).collect())
}

fn order_row(row: &Row) -> Result<OrderOutboxRow, DbError> {
    Ok(OrderOutboxRow {
        order_id: row.try_get(0)?,
        request_id: request_id(row, 2)?.with_trace(traceparents::read(row)?),
        placed_at: row.try_get(3)?,
        identity: row.try_get::<_, Option<Uuid>>(4)?.map(OrderIdentity::from),
        message: order_message(row)?,
        is_old: row.try_get("is_old")?,
    })
}

fn status_row(row: &Row) -> Result<StatusOutboxRow, DbError> {
    let number: &str = row.try_get(3)?;
    let estimated_completion: Option<OffsetDateTime> = row.try_get(8)?;
    Ok(StatusOutboxRow {
        id: row.try_get(0)?,
        request_id: request_id(row, 2)?.with_trace(traceparents::read(row)?),
        update: StatusUpdate {
            order_number: number.parse::<OrderNumber>().map_err(DbError::unexpected)?,
            old_status: row.try_get::<_, &str>(4)?.parse().map_err(DbError::unexpected)?,
            new_status: row.try_get::<_, &str>(5)?.parse().map_err(DbError::unexpected)?,
            changed_by: row.try_get(6)?,
            timestamp: row.try_get::<_, OffsetDateTime>(7)?.into(),
            estimated_completion: estimated_completion.map(Into::into),
        },
        is_old: row.try_get("is_old")?,
    })
}

fn request_id(row: &Row, column: usize) -> Result<RequestId, DbError> {
    let text: &str = row.try_get(column)?;
    RequestId::parse(text)
        .ok_or_else(|| DbError::unexpected(format!("'{}' is not a request id", text.escape_debug())))
}

#[cfg(test)]
mod tests {
    use deadlines::outbox::FAR_AHEAD;

    use super::*;

    #[test]
    fn a_row_is_due_that_is_due_far_ahead() {
        assert!(DUE.contains(&format!("interval '{} minutes'", FAR_AHEAD.as_secs() / 60)), "{DUE}");
    }
}
