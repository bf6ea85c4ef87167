//! The session settings, and the check that they are in effect.
//!
//! They are requested at the login. A connection pooler may drop them, and may give each
//! transaction another session. So each new connection is checked once.

use std::fmt::Write as _;

use tokio_postgres::{Client, Config, SimpleQueryMessage};

use crate::connect_error::{ConnectError, UnsuitableServer};
use crate::error::is_lost_statement;
use crate::transport::Transport;

/// The settings of every session, as the server shows them:
/// - The statements are written for this isolation, whatever the operator's default.
/// - A commit is answered when it is durable.
/// - Statements find rows by an index: a plan made for an empty table must not scan a full one.
/// - A statement is planned once per connection: planning the one that stores orders takes as long
///   as running it.
/// - Waiting for a lock counts towards the limit of its statement.
///
/// Other settings are the operator's. No statement depends on `DateStyle`, `IntervalStyle`,
/// `TimeZone` or `standard_conforming_strings`.
const SETTINGS: [(&str, &str); 8] = [
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("default_transaction_isolation", "read committed"),
    ("synchronous_commit", "on"),
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("lock_timeout", "0"),
];

/// Requested like a setting, and checked: a pooler that drops settings drops it too.
const DIRECT: (&str, &str) = ("restaurant.session", "direct");

/// The setting that a restored server has: the id of the backup that it was restored from. The
/// backup carries it in `postgresql.auto.conf`.
pub const RESTORED_FROM: &str = "restaurant.backup";

/// Which servers are suitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It writes, so a read-only server is not suitable (libpq: `target_session_attrs=read-write`).
    ReadWrite,
    /// It only reads, but all that was committed before: a standby may be behind, and two of them
    /// differ (libpq: `target_session_attrs=primary`). That writes are refused does not matter.
    ReadPrimary,
    /// It only reads, so a standby is suitable.
    ReadOnly,
}

/// The login option `options`, which requests the settings.
pub(crate) fn options() -> String {
    let option = |(name, value): &(&str, &str)| {
        format!("-c {name}={}", value.replace('\\', "\\\\").replace(' ', "\\ "))
    };
    SETTINGS.iter().chain([&DIRECT]).map(option).collect::<Vec<_>>().join(" ")
}

/// Checks that a new connection is suitable: one statement, three more behind a pooler, and two
/// more on a server that was restored.
pub(crate) async fn prove(
    client: &Client,
    settings: &Config,
    transport: &Transport,
    access: Access,
) -> Result<(), ConnectError> {
    let mut sql = format!(
        "select pg_catalog.pg_is_in_recovery(),
            pg_catalog.current_setting('transaction_read_only') = 'on',
            pg_catalog.current_setting('{RESTORED_FROM}', true)"
    );
    for (name, _) in SETTINGS.iter().chain([&DIRECT]) {
        // Writing to a string cannot fail.
        let _ = write!(sql, ", pg_catalog.current_setting('{name}', true)");
    }
    let row = first_row(client, &sql).await?;
    let mut values = row.iter().map(Option::as_deref);
    let is_standby = values.next().flatten() == Some("t");
    let is_read_only = values.next().flatten() == Some("t");
    let restored_from = values.next().flatten();
    if let (Access::ReadWrite, Some(backup)) = (access, restored_from)
        && is_to_be_restored(client, backup).await?
    {
        return Err(UnsuitableServer::NotRestored.into());
    }
    match access {
        Access::ReadWrite if is_standby || is_read_only => return Err(UnsuitableServer::ReadOnly.into()),
        Access::ReadPrimary if is_standby => return Err(UnsuitableServer::Standby.into()),
        Access::ReadWrite | Access::ReadPrimary | Access::ReadOnly => {}
    }
    let found: Vec<Option<&str>> = values.collect();
    let lost = lost_settings(&found);
    if !lost.is_empty() {
        return Err(UnsuitableServer::SettingsLost(lost.join(", ")).into());
    }
    if found.last() == Some(&Some(DIRECT.1)) || keeps_statements(client, settings, transport).await? {
        return Ok(());
    }
    Err(UnsuitableServer::StatementsLost.into())
}

/// Whether the server runs on the data of this backup, and no restore has held its open orders. A
/// restored server is also set to read-only, but a setting of the database or the role may undo
/// that. Not where this user has no such table: that is no database of orders, or not this user's.
async fn is_to_be_restored(client: &Client, backup: &str) -> Result<bool, ConnectError> {
    if backup.is_empty() || !backup.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(false);
    }
    let table = "
        select pg_catalog.has_table_privilege(pg_catalog.to_regclass('restores'), 'select')
           and pg_catalog.has_table_privilege(pg_catalog.to_regclass('held_orders'), 'select')";
    if first_row(client, table).await?.first().and_then(Option::as_deref) != Some("t") {
        return Ok(false);
    }
    let held = format!("select exists (select from restores where backup::text = '{backup}')");
    Ok(first_row(client, &held).await?.first().and_then(Option::as_deref) == Some("f"))
}

/// The settings that are not as requested, such as `jit is 'on', not 'off'`.
fn lost_settings(found: &[Option<&str>]) -> Vec<String> {
    let differs = |((name, wanted), found): (&(&str, &str), Option<&str>)| {
        let found = found.unwrap_or_default();
        (found != *wanted).then(|| format!("{name} is '{found}', not '{wanted}'"))
    };
    SETTINGS.iter().zip(found.iter().copied()).filter_map(differs).collect()
}

/// Whether a pooler keeps our prepared statements. A PgBouncer that does renames them. If it does
/// not, that matters only if transactions change sessions: then a second connection gets the
/// session that this one had.
async fn keeps_statements(
    client: &Client,
    settings: &Config,
    transport: &Transport,
) -> Result<bool, ConnectError> {
    let names = "select coalesce(bool_or(name ~ '^s[0-9]+$'), false) from pg_catalog.pg_prepared_statements";
    let keeps_our_names: bool = match client.query_one(names, &[]).await {
        Ok(row) => row.try_get(0)?,
        Err(why) if is_lost_statement(&why) => return Ok(false),
        Err(why) => return Err(why.into()),
    };
    if !keeps_our_names {
        return Ok(true);
    }
    // The client still closes the statement, and nobody else gets the session meanwhile. This
    // answer comes after it.
    let own = session_of(client).await?;
    let (second, driver) = transport.connect(settings).await?;
    let others = session_of(&second).await;
    driver.abort();
    Ok(others? != own)
}

/// The process id of the server's session.
async fn session_of(client: &Client) -> Result<Option<String>, ConnectError> {
    Ok(first_row(client, "select pg_catalog.pg_backend_pid()").await?.into_iter().next().flatten())
}

/// Queries without preparing a statement.
async fn first_row(client: &Client, sql: &str) -> Result<Vec<Option<String>>, ConnectError> {
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let values = (0..row.len()).map(|column| Ok(row.try_get(column)?.map(str::to_owned)));
            return values.collect();
        }
    }
    Err(ConnectError::Ending)
}

#[cfg(test)]
mod tests {
    use deadlines::database::{SERVER_IDLE_TIMEOUT, SERVER_STATEMENT_TIMEOUT};

    use super::*;

    #[test]
    fn the_limits_are_deadlines_of_the_project() {
        for (setting, limit) in [
            ("statement_timeout", SERVER_STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", SERVER_IDLE_TIMEOUT),
        ] {
            assert!(SETTINGS.contains(&(setting, &format!("{}s", limit.as_secs()))), "{setting}: {limit:?}");
        }
    }

    #[test]
    fn spaces_are_escaped() {
        assert!(options().contains("-c default_transaction_isolation=read\\ committed -c "), "{}", options());
    }

    #[test]
    fn each_setting_that_is_lost_is_named() {
        let mut found: Vec<_> = SETTINGS.iter().map(|(_, value)| Some(*value)).collect();
        assert_eq!(lost_settings(&found), Vec::<String>::new());
        found[3] = Some("off");
        found[5] = None;
        assert_eq!(lost_settings(&found), ["synchronous_commit is 'off', not 'on'", "jit is '', not 'off'"]);
    }
}
