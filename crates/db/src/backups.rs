//! `backups`: which backups were taken, and what a backup has to know about the server.

use domain::OrderNumber;
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;

use crate::database::{Database, DbError};

/// A backup that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunBackup {
    /// Its id, a UUID.
    pub id: String,
    /// When it was begun, by the database's clock.
    pub started_at: OffsetDateTime,
}

/// What a backup has to know about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSource {
    /// For example `15.8`.
    pub version: String,
    /// For example 15.
    pub major_version: u32,
    /// It differs between servers, and is the same in a server and its backups.
    pub system_identifier: String,
    /// The version of the schema.
    pub schema_version: i32,
}

/// Reads it.
///
/// # Errors
/// The database failed.
pub async fn source(db: &Database) -> Result<BackupSource, DbError> {
    let sql = "
        select current_setting('server_version'), current_setting('server_version_num')::int / 10000,
               (select system_identifier::text from pg_control_system()),
               (select coalesce(max(version), 0)::int from refinery_schema_history)";
    let row = db.query_opt(sql, &[]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(BackupSource {
        version: row.try_get(0)?,
        major_version: u32::try_from(row.try_get::<_, i32>(1)?).map_err(DbError::unexpected)?,
        system_identifier: row.try_get(2)?,
        schema_version: row.try_get(3)?,
    })
}

/// Returns what this user lacks to take a backup, such as `select on order_counters` or
/// `replication`. Tables that are not there do not count.
///
/// # Errors
/// The database failed.
pub async fn missing_rights(db: &Database) -> Result<Vec<String>, DbError> {
    let sql = "
        select verb || ' on ' || name as missing
        from (values ('select', 'backups'), ('insert', 'backups'), ('update', 'backups'),
                     ('select', 'order_counters'), ('select', 'refinery_schema_history')) as needed (verb, name)
        where not has_table_privilege(to_regclass(name), verb)
        union all
        select 'replication' from pg_roles where rolname = current_user and not (rolsuper or rolreplication)
        order by missing";
    let rows = db.query(sql, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Notes that a backup begins.
///
/// # Errors
/// The database failed.
pub async fn begin(db: &Database, made_by: &str) -> Result<BegunBackup, DbError> {
    let sql = "insert into backups (made_by) values ($1) returning id::text, started_at";
    let row = db.query_opt(sql, &[&made_by]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(BegunBackup { id: row.try_get(0)?, started_at: row.try_get(1)? })
}

/// Notes that a backup is complete and verified since then.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn finish(db: &Database, id: &str, at: OffsetDateTime) -> Result<(), DbError> {
    let sql = "update backups set finished_at = $2 where id = $1::text::uuid";
    db.query(sql, &[&id, &at]).await.map(drop)
}

/// Notes a good backup that another program took.
///
/// # Errors
/// The database failed.
pub async fn record(db: &Database, made_by: &str) -> Result<(), DbError> {
    let sql = "insert into backups (made_by, finished_at) values ($1, now())";
    db.query(sql, &[&made_by]).await.map(drop)
}

/// The last number of each day, the newest first, of at most this many days; and when that was, by
/// the database's clock.
///
/// # Errors
/// The database failed.
pub async fn numbers_given_out(
    db: &Database,
    days: i64,
) -> Result<(OffsetDateTime, Vec<OrderNumber>), DbError> {
    let sql = "select now(), day, last_number from (select) as always
               left join (select day, last_number from order_counters order by day desc limit $1) as newest on true
               order by day desc";
    let rows = db.query(sql, &[&days]).await?;
    let at = rows.first().ok_or_else(|| DbError::unexpected("no row"))?.try_get(0)?;
    let mut numbers = Vec::with_capacity(rows.len());
    for row in &rows {
        if let (Some(day), Some(last)) =
            (row.try_get::<_, Option<Date>>(1)?, row.try_get::<_, Option<i32>>(2)?)
        {
            numbers.push(OrderNumber::new(day, u32::try_from(last).map_err(DbError::unexpected)?));
        }
    }
    Ok((at, numbers))
}

/// What becomes of the data if the server is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Safeguard {
    /// How long ago the last good backup ended, in seconds. `None`: there is none.
    pub last_backup_age: Option<f64>,
    /// Whether there are orders that are older than a day.
    pub has_old_orders: bool,
    /// Whether the server archives its write-ahead log.
    pub is_archiving: bool,
}

/// Reads it.
///
/// # Errors
/// The database failed, or the user may not read the table.
pub async fn safeguard(db: &Database) -> Result<Safeguard, DbError> {
    let sql = "
        select extract(epoch from now() - (select max(finished_at) from backups))::float8,
               exists (select from (select created_at from orders order by id limit 1) as oldest
                       where created_at < now() - interval '1 day'),
               current_setting('archive_mode') <> 'off'";
    let row: Row = db.query_opt(sql, &[]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(Safeguard {
        last_backup_age: row.try_get(0)?,
        has_old_orders: row.try_get(1)?,
        is_archiving: row.try_get(2)?,
    })
}
