//! The wait for a database that can be used: away, starting, or not migrated yet.

use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::time::{Instant, sleep};

use crate::database::Database;
use crate::schema::{self, SchemaError, SchemaState};

/// Waits until the database answers and brings its schema up to date: for services that write.
/// Returns `false` if the shutdown came first.
///
/// # Errors
/// The schema cannot be used by this program, now or later.
pub async fn migrated(db: &Database, log: &Log, shutdown: &Shutdown) -> Result<bool, SchemaError> {
    until_usable(log, shutdown, async || {
        let applied = schema::migrate(db).await?;
        if !applied.is_empty() {
            let message = format!("Applied {} migration(s) to the database", applied.len());
            log.info("schema_migrated", message).detail("versions", applied).emit();
        }
        Ok(true)
    })
    .await
}

/// Waits until the database answers and somebody else has brought its schema up to date: for services that only read.
/// Returns `false` if the shutdown came first.
///
/// # Errors
/// The schema is newer than this program.
pub async fn current(db: &Database, log: &Log, shutdown: &Shutdown) -> Result<bool, SchemaError> {
    let mut told = false;
    until_usable(log, shutdown, async || match schema::state(db).await? {
        SchemaState::Current => Ok(true),
        SchemaState::Ahead { found, known } => Err(SchemaError::Ahead { found, known }),
        SchemaState::OutOfSight { schemas } => Err(SchemaError::OutOfSight { schemas }),
        SchemaState::Behind => {
            if !std::mem::replace(&mut told, true) {
                let message = "The database has no tables of this version yet; waiting for a service that creates them, or for 'restaurant-ctl migrate'";
                log.info("schema_awaited", message).emit();
            }
            Ok(false)
        }
    })
    .await
}

async fn until_usable(
    log: &Log,
    shutdown: &Shutdown,
    mut attempt: impl AsyncFnMut() -> Result<bool, SchemaError>,
) -> Result<bool, SchemaError> {
    let mut backoff = Backoff::for_server();
    loop {
        let started = Instant::now();
        let Some(outcome) = shutdown.or(attempt()).await else { return Ok(false) };
        let pause = backoff.next_pause();
        match outcome {
            Ok(true) => {
                log.info("db_connected", "Connected to PostgreSQL database").took(started.elapsed()).emit();
                return Ok(true);
            }
            Ok(false) => {}
            // What the server refuses, somebody can mend while this waits: correct a password, grant a right.
            Err(why) if why.is_passing() || why.can_be_mended() => {
                log.error("db_connection_failed", "PostgreSQL cannot be used; trying again", &why)
                    .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                    .emit();
            }
            Err(why) => return Err(why),
        }
        if shutdown.or(sleep(pause)).await.is_none() {
            return Ok(false);
        }
    }
}
