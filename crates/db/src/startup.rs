//! The wait for a database that can be used: away, starting, or not migrated yet.

use std::time::Duration;

use domain::ServiceName;
use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::time::{Instant, sleep, timeout};

use crate::database::Database;
use crate::error::DbError;
use crate::inspection;
use crate::schema::{self, SchemaError, SchemaState};

/// Longest time for all migrations that are missing, the wait for whoever else migrates included.
const MIGRATION_DEADLINE: Duration = Duration::from_mins(15);

/// Waits until the database answers, brings its schema up to date, and reads what the service
/// cannot work without: for services that write. One that may not migrate waits for somebody who
/// may. Returns `None` if the shutdown came first.
///
/// # Errors
/// The schema cannot be used by this program, now or later.
pub async fn migrated<T>(
    db: &Database,
    log: &Log,
    shutdown: &Shutdown,
    read: impl AsyncFn() -> Result<T, DbError>,
) -> Result<Option<T>, SchemaError> {
    let mut told = Told::default();
    until_usable(log, shutdown, async || {
        let migrated = timeout(MIGRATION_DEADLINE, schema::migrate(db)).await;
        match migrated.unwrap_or(Err(SchemaError::TookTooLong(MIGRATION_DEADLINE))) {
            Ok(applied) if applied.is_empty() => {}
            Ok(applied) => {
                let message = format!("Applied {} migration(s) to the database", applied.len());
                log.info("schema_migrated", message).detail("versions", applied).emit();
            }
            Err(why) if why.is_missing_right() => {
                let message = "This user may not bring the database's tables up to date; waiting for 'restaurant-ctl migrate' by a user who may";
                told.once(|| log.error("schema_awaited", message, &why).emit());
                return Ok(None);
            }
            Err(why) => return Err(why),
        }
        Ok(Some(read().await?))
    })
    .await
}

/// Whether the tables that this service needs are there, at the moment.
///
/// # Errors
/// The database failed.
pub async fn has_tables(db: &Database, service: ServiceName) -> Result<bool, DbError> {
    let missing = !inspection::missing_tables(db, &[service]).await?.is_empty();
    if missing {
        db.note_tables(true);
    }
    Ok(!missing)
}

/// Waits until the database answers and somebody else has brought its schema up to date, and reads
/// what the service cannot work without: for services that only read, and for all when the tables
/// have vanished. Nobody makes them anew under a running service: whoever removed them may be about
/// to restore a backup. Returns `None` if the shutdown came first.
///
/// # Errors
/// The schema is newer than this program.
pub async fn current<T>(
    db: &Database,
    service: ServiceName,
    log: &Log,
    shutdown: &Shutdown,
    read: impl AsyncFn() -> Result<T, DbError>,
) -> Result<Option<T>, SchemaError> {
    let mut told = Told::default();
    until_usable(log, shutdown, async || match schema::state(db).await? {
        SchemaState::Current => {
            let missing = inspection::missing_tables(db, &[service]).await?;
            if missing.is_empty() {
                let read = read().await?;
                db.note_tables(false);
                return Ok(Some(read));
            }
            let message = format!(
                "The database lacks tables: {}. Restore them from a backup; or, if there is nothing to be kept, empty the database and run 'restaurant-ctl migrate'",
                missing.join(", ")
            );
            told.once(|| log.info("schema_awaited", message).emit());
            Ok(None)
        }
        SchemaState::Ahead { found, known } => Err(SchemaError::Ahead { found, known }),
        SchemaState::OutOfSight { schemas } => Err(SchemaError::OutOfSight { schemas }),
        SchemaState::Behind => {
            let message = "The database has no tables of this version yet; waiting for a service that creates them, or for 'restaurant-ctl migrate'";
            told.once(|| log.info("schema_awaited", message).emit());
            Ok(None)
        }
    })
    .await
}

/// What one waits for is logged once.
#[derive(Default)]
struct Told(bool);

impl Told {
    fn once(&mut self, tell: impl FnOnce()) {
        if !std::mem::replace(&mut self.0, true) {
            tell();
        }
    }
}

async fn until_usable<T>(
    log: &Log,
    shutdown: &Shutdown,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, SchemaError>,
) -> Result<Option<T>, SchemaError> {
    let mut backoff = Backoff::for_server();
    loop {
        let started = Instant::now();
        let Some(outcome) = shutdown.or(attempt()).await else { return Ok(None) };
        let pause = backoff.next_pause();
        match outcome {
            Ok(Some(read)) => {
                log.info("db_connected", "Connected to PostgreSQL database").took(started.elapsed()).emit();
                return Ok(Some(read));
            }
            Ok(None) => {}
            // What the server refuses, somebody can mend while this waits: correct a
            // password, grant a right.
            Err(why) if why.is_passing() || why.can_be_mended() => {
                let message = "PostgreSQL cannot be used; trying again";
                let mut line = log.error("db_connection_failed", message, &why);
                if let SchemaError::Database(why) = &why
                    && let Some(advice) = why.advice()
                {
                    line = line.detail("advice", advice);
                }
                line.detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)).emit();
            }
            Err(why) => return Err(why),
        }
        if shutdown.or(sleep(pause)).await.is_none() {
            return Ok(None);
        }
    }
}
