//! Inspects the server before anything starts: version, settings, clock, schema, rights. It changes
//! nothing.

use std::time::Duration;

use domain::{ServerUser, ServiceName};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::database::{Database, DbError};
use crate::rights;
use crate::session::RESTORED_FROM;

/// The oldest supported version of PostgreSQL.
pub const OLDEST_VERSION: i32 = 14;

/// What the server reports about itself.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the server, independent of the others"
)]
pub struct Inspection {
    /// For example `15.8`.
    pub version: String,
    /// For example 15.
    pub major_version: i32,
    /// How far its clock is ahead of this machine's, in seconds. Negative if it is behind.
    pub clock_ahead: f64,
    /// The error of that: half of the round trip.
    pub clock_error: Duration,
    /// Whether a commit survives a power cut.
    pub fsync: bool,
    /// Whether a commit is answered only when it is durable, in a service's session.
    pub synchronous_commit: String,
    /// Whether pages torn by a power cut can be restored.
    pub full_page_writes: bool,
    /// The connection limit for users.
    pub max_connections: i32,
    /// The open connections of all databases.
    pub used_connections: i64,
    /// Whether it is a standby, or set to read-only.
    pub is_read_only: bool,
    /// Whether it takes no writes because it was restored from a backup.
    pub is_fenced: bool,
    /// Whether the text encoding can represent every name.
    pub encoding: String,
    /// Whether the user may create tables.
    pub may_create_tables: bool,
}

/// Asks the server about itself.
///
/// # Errors
/// It cannot be reached, refuses the login, or does not answer.
pub async fn inspect(db: &Database) -> Result<Inspection, DbError> {
    // Connect first, so that only a round trip is measured.
    db.ping().await?;
    let sql = format!(
        "
        select current_setting('server_version'), current_setting('server_version_num')::int / 10000,
               extract(epoch from clock_timestamp())::float8,
               current_setting('fsync') = 'on', current_setting('synchronous_commit'),
               current_setting('full_page_writes') = 'on',
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
               (select coalesce(sum(numbackends), 0)::bigint from pg_stat_database),
               pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on',
               current_setting('server_encoding'),
               coalesce(has_schema_privilege(current_schema(), 'create'), false),
               not pg_is_in_recovery() and current_setting('default_transaction_read_only') = 'on'
                   and coalesce(current_setting('{RESTORED_FROM}', true), '') <> ''"
    );
    let (asked, started) = (unix_time(), Instant::now());
    let row = db.query_opt(&sql, &[]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    let clock_error = started.elapsed() / 2;
    let its_clock: f64 = row.try_get(2)?;
    Ok(Inspection {
        version: row.try_get(0)?,
        major_version: row.try_get(1)?,
        clock_ahead: its_clock - asked - clock_error.as_secs_f64(),
        clock_error,
        fsync: row.try_get(3)?,
        synchronous_commit: row.try_get(4)?,
        full_page_writes: row.try_get(5)?,
        max_connections: row.try_get(6)?,
        used_connections: row.try_get(7)?,
        is_read_only: row.try_get(8)?,
        encoding: row.try_get(9)?,
        may_create_tables: row.try_get(10)?,
        is_fenced: row.try_get(11)?,
    })
}

#[expect(clippy::disallowed_methods, reason = "the difference of the clocks is asked for")]
fn unix_time() -> f64 {
    let now = OffsetDateTime::now_utc();
    (now - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

/// Returns the tables that these services need and that do not exist.
///
/// # Errors
/// The database failed.
pub async fn missing_tables(db: &Database, services: &[ServiceName]) -> Result<Vec<String>, DbError> {
    let needed =
        services.iter().filter_map(|service| rights::of(*service)).flatten().map(|(table, _)| *table);
    let needed: Vec<&str> = needed.collect();
    let sql =
        "select distinct name from unnest($1::text[]) as name where to_regclass(name) is null order by name";
    let rows = db.query(sql, &[&needed]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Returns the rights that this user lacks on the existing tables, such as `insert on orders` or
/// `select (number, status) on orders`.
///
/// # Errors
/// The database failed.
pub async fn missing_rights(db: &Database, user: impl Into<ServerUser>) -> Result<Vec<String>, DbError> {
    let (tables, rights): (Vec<&str>, Vec<&str>) =
        rights::of(user).unwrap_or_default().iter().copied().unzip();
    let sql = "
        with needed as (
            select name, to_regclass(name) as relation, privileges from unnest($1::text[], $2::text[]) as listed (name, privileges)
        ), each as (
            select name, relation, split_part(privilege, ' ', 1) as verb,
                   string_to_array(substring(privilege from '\\((.*)\\)'), ',') as columns
            from needed, regexp_split_to_table(privileges, ', ') as privilege where relation is not null
        )
        select verb || ' on ' || name from each
        where columns is null and not has_table_privilege(relation, verb)
        union all
        select verb || ' (' || string_agg(attname, ', ' order by attnum) || ') on ' || name
        from each join pg_attribute on attrelid = relation
        where case when attname = any(columns) then not has_column_privilege(relation, attnum, verb) end
        group by verb, name
        union all
        select 'usage on the sequence of ' || name
        from needed, pg_get_serial_sequence((select name from pg_attribute where attrelid = relation and attname = 'id'
                                                                             and attidentity = ''), 'id') as sequence
        where privileges ~ 'insert' and sequence is not null and not has_sequence_privilege(sequence, 'usage')";
    let rows = db.query(sql, &[&tables, &rights]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
