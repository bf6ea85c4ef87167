//! Waits for a usable database: unreachable, starting, or not migrated yet.

use std::cell::Cell;
use std::time::Duration;

use deadlines::http::CHECK_DEADLINE;
use domain::ServiceName;
use logging::{Log, action};
use runtime::retry::{Policy, retry};
use runtime::{FailedAttempt, Shutdown};
use tokio::time::{Instant, timeout};

use crate::database::Database;
use crate::error::DbError;
use crate::inspection;
use crate::schema::{self, SchemaError, SchemaState};
use crate::session::Access;

/// The deadline for all missing migrations, including the wait for other programs' migrations.
const MIGRATION_DEADLINE: Duration = Duration::from_mins(15);

/// Waits until the database answers, migrates its schema, and reads what the service cannot run
/// without. For services that write. Without the right to migrate it waits for another program.
/// Returns `None` if the shutdown came first.
///
/// # Errors
/// The schema cannot be used by this program, now or later.
pub async fn migrated<T>(
    db: &Database,
    log: &Log,
    shutdown: &Shutdown,
    read: impl AsyncFn() -> Result<T, DbError>,
) -> Result<Option<T>, SchemaError> {
    let logged = LoggedOnce::default();
    until_usable(log, shutdown, async || {
        let migrated = timeout(MIGRATION_DEADLINE, schema::migrate(db)).await;
        match migrated.unwrap_or(Err(SchemaError::TookTooLong(MIGRATION_DEADLINE))) {
            Ok(applied) if applied.is_empty() => {}
            Ok(applied) => {
                let message = format!("Applied {} migration(s) to the database", applied.len());
                log.info(action::SCHEMA_MIGRATED, message).detail("versions", applied).emit();
            }
            Err(why) if why.is_missing_right() => {
                let message = "This user may not bring the database's tables up to date; waiting for 'restaurant-ctl migrate' by a user who may";
                logged.once(|| log.error(action::SCHEMA_AWAITED, message, &why).emit());
                return Ok(None);
            }
            Err(why) => return Err(why),
        }
        Ok(Some(read().await?))
    })
    .await
}

/// Whether a service can use the database now: the server takes writes if the service writes, and
/// the tables that it needs exist. No answer within [`CHECK_DEADLINE`] counts as no.
pub async fn is_usable(db: &Database, service: ServiceName, access: Access) -> bool {
    let looked = async {
        if matches!(access, Access::ReadWrite) {
            db.takes_writes().await?;
        }
        has_tables(db, service).await
    };
    matches!(timeout(CHECK_DEADLINE, looked).await, Ok(Ok(true)))
}

/// Whether the tables that this service needs exist now.
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

/// Waits until the database answers and another program has migrated its schema, and reads what the
/// service cannot run without. For services that only read, and for all when their tables have
/// vanished. A running service does not create them again: whoever removed them may be about to
/// restore a backup. Returns `None` if the shutdown came first.
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
    let logged = LoggedOnce::default();
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
            logged.once(|| log.info(action::SCHEMA_AWAITED, message).emit());
            Ok(None)
        }
        SchemaState::Ahead { found, known } => Err(SchemaError::Ahead { found, known }),
        SchemaState::OutOfSight { schemas } => Err(SchemaError::OutOfSight { schemas }),
        SchemaState::Behind => {
            let message = "The database has no tables of this version yet; waiting for a service that creates them, or for 'restaurant-ctl migrate'";
            logged.once(|| log.info(action::SCHEMA_AWAITED, message).emit());
            Ok(None)
        }
    })
    .await
}

/// Logs a wait once.
#[derive(Default)]
struct LoggedOnce(Cell<bool>);

impl LoggedOnce {
    fn once(&self, tell: impl FnOnce()) {
        if !self.0.replace(true) {
            tell();
        }
    }
}

/// Why the database cannot be used yet.
enum Unusable {
    /// Another program must migrate the schema, or restore it. The log says so already.
    Awaited,
    Failed(SchemaError),
}

impl Unusable {
    fn may_pass(&self) -> bool {
        match self {
            Self::Awaited => true,
            Self::Failed(why) => may_pass(why),
        }
    }
}

/// An operator can fix what the server refuses while this waits: a password, a right.
fn may_pass(why: &SchemaError) -> bool {
    why.is_transient() || why.can_be_mended()
}

async fn until_usable<T>(
    log: &Log,
    shutdown: &Shutdown,
    attempt: impl AsyncFn() -> Result<Option<T>, SchemaError>,
) -> Result<Option<T>, SchemaError> {
    let timed_attempt = || async {
        let started = Instant::now();
        let read = attempt().await.map_err(Unusable::Failed)?;
        read.map(|read| (read, started.elapsed())).ok_or(Unusable::Awaited)
    };
    let report = |why: &Unusable, failed: FailedAttempt| {
        if let Unusable::Failed(why) = why
            && failed.retry_in.is_some()
        {
            let mut line =
                log.error(action::DB_CONNECTION_FAILED, "PostgreSQL cannot be used; trying again", why);
            if let SchemaError::Database(why) = why
                && let Some(advice) = why.advice()
            {
                line = line.detail("advice", advice);
            }
            failed.describe(line).emit();
        }
    };
    let trying = retry(Policy::for_server(), shutdown, timed_attempt, Unusable::may_pass, report);
    match shutdown.or(trying).await {
        Some(Ok((read, took))) => {
            log.info(action::DB_CONNECTED, "Connected to PostgreSQL database").took(took).emit();
            Ok(Some(read))
        }
        Some(Err(Unusable::Failed(why))) if !may_pass(&why) => Err(why),
        // The shutdown came first.
        Some(Err(_)) | None => Ok(None),
    }
}
