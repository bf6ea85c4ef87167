//! `order_outbox` and `status_outbox`: messages whose transaction committed and that the broker has not confirmed yet.

use std::time::Duration;

use domain::{OrderIdentity, OrderMessage, OrderNumber, RequestId, StatusUpdate};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql};
use uuid::Uuid;

use crate::database::{Database, DbError, Lane};
use crate::orders::{MESSAGE_COLUMNS, order_message, uuids};

/// Longest time of a relay's transaction, publishing included; then its rows are free for another.
const RELAY_DEADLINE: Duration = Duration::from_secs(25);

/// A status update that must go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOutboxRow {
    /// Its row.
    pub id: i64,
    /// The request that the change belongs to.
    pub request_id: RequestId,
    /// The message.
    pub update: StatusUpdate,
}

/// An order that must go to the kitchen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderOutboxRow {
    /// Its order's row.
    pub order_id: i32,
    /// By which the kitchen recognises the order; none if a service of an older version placed it.
    pub identity: Option<OrderIdentity>,
    /// The request that placed it.
    pub request_id: RequestId,
    /// When it was placed, by the database's clock.
    pub placed_at: OffsetDateTime,
    /// The message.
    pub message: OrderMessage,
}

/// Makes the commit of the statement that it is part of wait for no disk: a power cut may bring the deleted rows back, and
/// what they say is sent once more.
const UNHURRIED: &str =
    "with unhurried as materialized (select set_config('synchronous_commit', 'off', true))";

/// Removes the rows of orders whose messages the broker has confirmed.
///
/// # Errors
/// The database failed: the messages may be sent once more, which is harmless.
pub async fn settle_orders(db: &Database, orders: &[OrderIdentity]) -> Result<(), DbError> {
    // By arrays of keys alone, whatever a plan was made for: see `relay_status_updates`.
    let sql = format!(
        "{UNHURRIED} delete from order_outbox using unhurried
         where order_id = any(array(select order_id from order_identities where identity = any($1)))"
    );
    db.query(&sql, &[&uuids(orders)]).await.map(drop)
}

/// Removes the rows of status updates that the broker has confirmed.
///
/// # Errors
/// The database failed: the messages may be sent once more, which subscribers drop.
pub async fn settle_status_updates(db: &Database, ids: &[i64]) -> Result<(), DbError> {
    let sql = format!("{UNHURRIED} delete from status_outbox using unhurried where id = any($1)");
    db.query(&sql, &[&ids]).await.map(drop)
}

/// Sends orders that are due: at most `limit`, which no other relay can take meanwhile.
/// `publish` returns the rows that were confirmed; these are removed. Returns what was found.
///
/// This is one transaction around the publishing.
///
/// # Errors
/// The database failed: everything will be found again.
pub async fn relay_orders(
    db: &Database,
    limit: i64,
    publish: impl AsyncFnOnce(Vec<OrderOutboxRow>) -> Vec<i32>,
) -> Result<Relayed, DbError> {
    let select = format!(
        "select outbox.order_id, outbox.request_id, o.created_at,
                (select identity from order_identities where order_id = o.id) as identity, {MESSAGE_COLUMNS}
         from order_outbox outbox join orders o on o.id = outbox.order_id
         where outbox.due_at <= now()
         order by outbox.order_id limit $1
         for update of outbox skip locked"
    );
    let statements = Statements {
        select: &select,
        delete: "delete from order_outbox where order_id = any($1)",
        set_aside: "update order_outbox set due_at = now() + interval '1 hour' where order_id = any($1)",
    };
    relay(db, statements, limit, order_row, publish).await
}

/// As [`relay_orders`], for status updates; of each order the oldest only, so that nobody sees it ready before it cooks. The older ones
/// are found by the order, never by their ids (`+ 0`), whatever a plan was made for.
///
/// # Errors
/// The database failed: everything will be found again.
pub async fn relay_status_updates(
    db: &Database,
    limit: i64,
    publish: impl AsyncFnOnce(Vec<StatusOutboxRow>) -> Vec<i64>,
) -> Result<Relayed, DbError> {
    let select = "select id, request_id, order_number, old_status, new_status, changed_by, changed_at, estimated_completion
         from status_outbox as next
         where due_at <= now()
           and not exists (select 1 from status_outbox as older
                           where older.order_number = next.order_number and older.id + 0 < next.id)
         order by id limit $1
         for update skip locked";
    let statements = Statements {
        select,
        delete: "delete from status_outbox where id = any($1)",
        set_aside: "update status_outbox set due_at = now() + interval '1 hour' where id = any($1)",
    };
    relay(db, statements, limit, status_row, publish).await
}

/// What a relay did.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Messages that were found.
    pub found: usize,
    /// Messages that the broker confirmed.
    pub confirmed: usize,
    /// Rows that could not be read. They are set aside for an hour, so that they hold up nobody.
    pub unreadable: Vec<DbError>,
}

/// The statements of one outbox. The first column selected is the row's key.
struct Statements<'a> {
    select: &'a str,
    delete: &'a str,
    set_aside: &'a str,
}

async fn relay<R, K>(
    db: &Database,
    statements: Statements<'_>,
    limit: i64,
    read: fn(&Row) -> Result<R, DbError>,
    publish: impl AsyncFnOnce(Vec<R>) -> Vec<K>,
) -> Result<Relayed, DbError>
where
    K: FromSqlOwned,
    Vec<K>: ToSql + Sync,
{
    // Taken by the first run that has read its rows: before that, nothing was sent.
    let mut publish = Some(publish);
    db.transaction(Lane::Reserved, RELAY_DEADLINE, async |transaction| {
        let statement = transaction.prepare_cached(statements.select).await?;
        let rows = transaction.query(&statement, &[&limit]).await?;
        let mut relayed = Relayed { found: rows.len(), ..Relayed::default() };
        let (mut readable, mut set_aside) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in &rows {
            match read(row) {
                Ok(message) => readable.push(message),
                Err(why) => {
                    set_aside.push(row.try_get::<_, K>(0)?);
                    relayed.unreadable.push(why);
                }
            }
        }
        if !set_aside.is_empty() {
            transaction.execute(statements.set_aside, &[&set_aside]).await?;
        }
        if !readable.is_empty() {
            let publish = publish.take().ok_or_else(|| DbError::unexpected("published already"))?;
            let settled = publish(readable).await;
            relayed.confirmed = settled.len();
            transaction.execute(statements.delete, &[&settled]).await?;
        }
        Ok(relayed)
    })
    .await
}

fn order_row(row: &Row) -> Result<OrderOutboxRow, DbError> {
    Ok(OrderOutboxRow {
        order_id: row.try_get(0)?,
        request_id: request_id(row, 1)?,
        placed_at: row.try_get(2)?,
        identity: row.try_get::<_, Option<Uuid>>(3)?.map(OrderIdentity::from),
        message: order_message(row)?,
    })
}

fn status_row(row: &Row) -> Result<StatusOutboxRow, DbError> {
    let number: &str = row.try_get(2)?;
    let estimated_completion: Option<OffsetDateTime> = row.try_get(7)?;
    Ok(StatusOutboxRow {
        id: row.try_get(0)?,
        request_id: request_id(row, 1)?,
        update: StatusUpdate {
            order_number: number.parse::<OrderNumber>().map_err(DbError::unexpected)?,
            old_status: row.try_get::<_, &str>(3)?.parse().map_err(DbError::unexpected)?,
            new_status: row.try_get::<_, &str>(4)?.parse().map_err(DbError::unexpected)?,
            changed_by: row.try_get(5)?,
            timestamp: row.try_get::<_, OffsetDateTime>(6)?.into(),
            estimated_completion: estimated_completion.map(Into::into),
        },
    })
}

fn request_id(row: &Row, column: usize) -> Result<RequestId, DbError> {
    let text: &str = row.try_get(column)?;
    RequestId::parse(text)
        .ok_or_else(|| DbError::unexpected(format!("'{}' is not a request id", text.escape_debug())))
}
