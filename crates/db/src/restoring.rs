//! What follows when PostgreSQL was restored from a backup: open orders are held, numbers that were
//! given out since are skipped, and orders that are missing are recorded.
//!
//! A restored server takes no writes until this is done: the backup says so in its
//! `postgresql.auto.conf`. So a service that is started too early sends and cooks nothing.

use std::time::Duration;

use deadpool_postgres::Transaction;
use domain::{OrderNumber, ServiceName};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;

use crate::database::{Database, DbError, PoolChoice};
use crate::orders::request_id;
use crate::session::RESTORED_FROM;

/// Holding many orders may take a while. Nothing else runs meanwhile.
const DEADLINE: Duration = Duration::from_mins(10);

/// The server as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the server, independent of the others")]
pub struct RestoredServer {
    /// It differs between servers, and is the same in a server and its backups.
    pub system_identifier: String,
    /// The id of the backup that it was restored from, if it was restored from one.
    pub restored_from: Option<String>,
    /// Whether it still replays its log.
    pub is_recovering: bool,
    /// Whether it takes no writes, unless a session asks for it.
    pub is_fenced: bool,
    /// Whether it has the tables that a restore needs.
    pub has_tables: bool,
    /// Whether it has any of our tables.
    pub has_orders: bool,
}

/// Reads it.
///
/// # Errors
/// The database failed.
pub async fn inspect(db: &Database) -> Result<RestoredServer, DbError> {
    let sql = format!(
        "select (select system_identifier::text from pg_control_system()),
                nullif(current_setting('{RESTORED_FROM}', true), ''),
                pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
                to_regclass('restores') is not null and to_regclass('held_orders') is not null,
                to_regclass('orders') is not null"
    );
    let row = db.query_opt(&sql, &[]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(RestoredServer {
        system_identifier: row.try_get(0)?,
        restored_from: row.try_get(1)?,
        is_recovering: row.try_get(2)?,
        is_fenced: row.try_get(3)?,
        has_tables: row.try_get(4)?,
        has_orders: row.try_get(5)?,
    })
}

/// A backup of ours.
#[derive(Clone, Copy, Debug)]
pub struct KnownBackup<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was complete.
    pub finished_at: OffsetDateTime,
}

/// What is known from outside the backup.
#[derive(Clone, Debug)]
pub struct Knowledge<'a> {
    /// The backup; `None` if another program took it. Then each restore counts as a new one.
    pub backup: Option<KnownBackup<'a>>,
    /// The program that took it.
    pub taken_by: &'a str,
    /// Numbers that were given out: each day goes on behind its highest one.
    pub given_out: &'a [OrderNumber],
    /// Numbers of orders that were acknowledged to their guests.
    pub acknowledged: &'a [OrderNumber],
}

/// Numbers of a day that no order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub first: OrderNumber,
    /// The last of them.
    pub last: OrderNumber,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The number of orders that it held; `None` if an earlier restore of this backup did.
    pub held: Option<u64>,
    /// The numbers that it skipped.
    pub gaps: Vec<Gap>,
    /// The numbers that it and earlier restores of this backup skipped.
    pub all_gaps: Vec<Gap>,
    /// The acknowledged orders that are missing, whenever that was found.
    pub lost: Vec<OrderNumber>,
}

/// Why nothing was restored, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// These services are connected, and would send and cook what has to be held.
    #[error("{} is connected to this database", .0.join(", "))]
    AtWork(Vec<String>),
    /// The database failed. It may have been done. It can be repeated.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Does it, in one transaction. A repetition holds nothing more, but may skip further numbers and
/// record further orders.
///
/// # Errors
/// The database failed; or another program took the backup, so that no fence keeps services out,
/// and they are at work.
pub async fn restore(db: &Database, known: &Knowledge<'_>) -> Result<Outcome, RestoreError> {
    let done = db.transaction(PoolChoice::Shared, DEADLINE, async |transaction| {
        let limits = format!(
            "set transaction read write; set local statement_timeout = {}; set local enable_seqscan = on",
            DEADLINE.as_millis()
        );
        transaction.batch_execute(&limits).await?;
        if known.backup.is_none() {
            let names = keep_out(transaction).await?;
            if !names.is_empty() {
                return Ok(Err(names));
            }
        }
        let first = "
            insert into restores (backup, taken_by) values (coalesce($1::text::uuid, gen_random_uuid()), $2)
            on conflict (backup) do nothing returning backup::text";
        let ours = known.backup.map(|backup| backup.id);
        let first = transaction.query_opt(first, &[&ours, &known.taken_by]).await?;
        let is_first = first.is_some();
        let backup: String = match (first, ours) {
            (Some(row), _) => row.try_get(0)?,
            (None, id) => id.unwrap_or_default().to_owned(),
        };
        let held = if is_first { Some(hold(transaction, &backup).await?) } else { None };
        if let Some(KnownBackup { id, finished_at }) = known.backup {
            // It was complete, or it could not have been restored. Its own row is from before its
            // end.
            let good = "
                update backups set finished_at = greatest(started_at, $2)
                where id = $1::text::uuid and finished_at is null";
            transaction.execute(good, &[&id, &finished_at]).await?;
        }
        let gaps = skip_numbers(transaction, &backup, known).await?;
        let all_gaps = recorded_gaps(transaction, &backup).await?;
        Ok(Ok(Outcome { held, gaps, all_gaps, lost: record_lost(transaction, &backup, known).await? }))
    });
    done.await?.map_err(RestoreError::AtWork)
}

/// Holds what is open, and forgets who was at work: those processes belong to another time.
async fn hold(transaction: &Transaction<'_>, backup: &str) -> Result<u64, DbError> {
    let statement = format!(
        "with open as (
            select id, number, status from orders where status in ('received', 'cooking') order by id for update
        ), unclaimed as (
            delete from order_claims
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at, purpose)
            select id, {}, now(), 'again' from open order by id
            on conflict (order_id) do update set due_at = excluded.due_at, attempts = 0
        )
        insert into held_orders (order_id, backup, status)
        select id, $1::text::uuid, status from open order by id
        on conflict (order_id) do update
            set backup = excluded.backup, status = excluded.status, held_at = now(), released_at = null",
        request_id("open")
    );
    let held = transaction.execute(&statement, &[&backup]).await?;
    transaction.batch_execute("update workers set status = 'offline' where status = 'online'").await?;
    transaction
        .batch_execute("update worker_sessions set unclaimed = null where unclaimed is not null")
        .await?;
    Ok(held)
}

/// Steps the counters behind the numbers that were given out.
async fn skip_numbers(
    transaction: &Transaction<'_>,
    backup: &str,
    known: &Knowledge<'_>,
) -> Result<Vec<Gap>, DbError> {
    let numbers = || known.given_out.iter().chain(known.acknowledged);
    let days: Vec<Date> = numbers().map(OrderNumber::day).collect();
    let sequences: Vec<i32> = numbers()
        .map(|number| i32::try_from(number.sequence()).map_err(DbError::unexpected))
        .collect::<Result<_, _>>()?;
    // A repetition runs beside order services: nobody may step a counter in between.
    transaction.batch_execute("lock table order_counters in share row exclusive mode").await?;
    let skip = "
        with given_out as (
            select day, max(sequence) as last from unnest($1::date[], $2::int[]) as number (day, sequence) group by day
        ), beyond as (
            select given_out.day, coalesce(last_number, 0) + 1 as first, last
            from given_out left join order_counters using (day) where last > coalesce(last_number, 0)
        ), stepped as (
            insert into order_counters (day, last_number) select day, last from beyond order by day
            on conflict (day) do update set last_number = excluded.last_number
        )
        insert into number_gaps (day, first_number, last_number, backup)
        select day, first, last, $3::text::uuid from beyond order by day
        returning day, first_number, last_number";
    let rows = transaction.query(skip, &[&days, &sequences, &backup]).await?;
    rows.iter().map(gap).collect()
}

/// The gaps of all restores of this backup.
async fn recorded_gaps(transaction: &Transaction<'_>, backup: &str) -> Result<Vec<Gap>, DbError> {
    let recorded = "
        select day, first_number, last_number from number_gaps where backup = $1::text::uuid
        order by day, first_number";
    let rows = transaction.query(recorded, &[&backup]).await?;
    rows.iter().map(gap).collect()
}

/// A row of its day, its first and its last number.
fn gap(row: &Row) -> Result<Gap, DbError> {
    let day: Date = row.try_get(0)?;
    let number = |column: usize| -> Result<OrderNumber, DbError> {
        let sequence = row.try_get::<_, i32>(column)?;
        Ok(OrderNumber::new(day, u32::try_from(sequence).map_err(DbError::unexpected)?))
    };
    Ok(Gap { first: number(1)?, last: number(2)? })
}

/// Records acknowledged orders that are not there, and returns all that are recorded. One that was
/// pruned is not lost.
async fn record_lost(
    transaction: &Transaction<'_>,
    backup: &str,
    known: &Knowledge<'_>,
) -> Result<Vec<OrderNumber>, DbError> {
    let acknowledged: Vec<String> = known.acknowledged.iter().map(ToString::to_string).collect();
    let record = "
        insert into lost_orders (number, backup)
        select distinct number, $2::text::uuid from unnest($1::text[]) as acknowledged (number)
        where not exists (select from orders where orders.number = acknowledged.number)
          and not exists (select from pruned_orders where day = substr(acknowledged.number, 5, 8)
                                                      and numbers @> substr(acknowledged.number, 14)::int)
        on conflict (number) do nothing";
    transaction.execute(record, &[&acknowledged, &backup]).await?;
    let lost = "select number from lost_orders order by length(number), number";
    let rows = transaction.query(lost, &[]).await?;
    rows.iter().map(|row| row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)).collect()
}

/// Which services that write are connected to this database: they are at work on its orders. If it
/// is none, one that starts now places and claims no order before this transaction has ended, and
/// then finds what is held.
async fn keep_out(transaction: &Transaction<'_>) -> Result<Vec<String>, DbError> {
    // Who is at work should not have to wait for the lock.
    let names = at_work(transaction).await?;
    if !names.is_empty() {
        return Ok(names);
    }
    let lock = "lock table orders in exclusive mode; select pg_stat_clear_snapshot()";
    transaction.batch_execute(lock).await?;
    at_work(transaction).await
}

async fn at_work(transaction: &Transaction<'_>) -> Result<Vec<String>, DbError> {
    let sql = "
        select distinct application_name from pg_stat_activity
        where datname = current_database() and application_name = any($1) order by 1";
    let writers = [ServiceName::Order, ServiceName::Kitchen].map(ServiceName::binary);
    let rows = transaction.query(sql, &[&writers.as_slice()]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Lets the server take writes again.
///
/// # Errors
/// The database failed, or the user may not change settings of the server.
pub async fn lift_fence(db: &Database) -> Result<(), DbError> {
    db.query("alter system reset default_transaction_read_only", &[]).await?;
    db.query("select pg_reload_conf()", &[]).await.map(drop)
}
