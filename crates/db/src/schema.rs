//! Versions of the schema: any service with the right migrates, the others wait.

mod compatibility;
mod in_one_transaction;

use std::error::Error;
use std::time::Duration;

use refinery::{Migration, Runner, Target};

use self::compatibility::is_usable_with;
use self::in_one_transaction::InOneTransaction;
use crate::database::Database;
use crate::error::DbError;
use crate::pool::Connection;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// The key of the advisory lock for migrations. Any unused number will do.
pub(crate) const MIGRATION_LOCK: i64 = 0x6f72_6465_7273;

/// The state of the database's schema, compared with this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// As this program needs it, or newer without anything taken away that it names.
    Current,
    /// Missing or older: it must be migrated.
    Behind,
    /// Newer than this program.
    Ahead {
        /// The version in the database.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// Tables exist, in PostgreSQL schemas outside this user's search path.
    OutOfSight {
        /// The schemas.
        schemas: Vec<String>,
    },
}

/// Why the schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer program has migrated it.
    #[error(
        "the database's schema has version {found}, this program knows versions up to {known}: run a newer version of it, or another database"
    )]
    Ahead {
        /// The version in the database.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// Tables exist where this user does not find them. A second set of tables would split the
    /// orders.
    #[error(
        "the tables are in the schema {}, where this user does not look: grant it usage on that schema, and set its search_path ('restaurant-ctl \
         migrate --roles', run as their owner, does both for the services' roles)",
        .schemas.join(", ")
    )]
    OutOfSight {
        /// The schemas.
        schemas: Vec<String>,
    },
    /// A migration failed, or an applied one differs from this program's.
    #[error("the database's schema cannot be migrated")]
    Migration(#[source] Box<refinery::Error>),
    /// Migrating exceeded the service's deadline. Applied migrations stay; the current one was
    /// rolled back.
    #[error(
        "the database's schema was not brought up to date within {} min: run 'restaurant-ctl migrate', which takes the time it needs",
        .0.as_secs() / 60
    )]
    TookTooLong(Duration),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl SchemaError {
    /// Whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(why) => !why.is_permanent(),
            // A connection may break during a migration. It is rolled back, and the next attempt
            // repeats it.
            Self::Migration(_) => self.database_error().is_some_and(|why| !why.is_permanent()),
            Self::TookTooLong(_) => true,
            Self::Ahead { .. } | Self::OutOfSight { .. } => false,
        }
    }

    /// Whether an operator can fix it in the server while this program waits: a password, a right.
    pub fn can_be_mended(&self) -> bool {
        matches!(self, Self::Database(_) | Self::OutOfSight { .. })
    }

    /// Whether the user lacks the right to migrate. Another user must do it, or grant the right.
    pub fn is_missing_right(&self) -> bool {
        self.database_error().is_some_and(DbError::is_missing_right)
    }

    fn database_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(why) => Some(why),
            Self::Migration(why) => why.source().and_then(<dyn Error>::downcast_ref),
            Self::Ahead { .. } | Self::OutOfSight { .. } | Self::TookTooLong(_) => None,
        }
    }
}

/// Waits for other migrations until the end of the transaction.
fn lock_statement() -> String {
    format!("select pg_advisory_xact_lock({MIGRATION_LOCK})")
}

/// The newest version that this program knows.
pub fn known_version() -> i32 {
    runner().get_migrations().iter().map(Migration::version).max().unwrap_or(0)
}

fn runner() -> Runner {
    let embedded = embedded::migrations::runner();
    Runner::new(&embedded.get_migrations().iter().map(with_unix_line_ends).collect::<Vec<_>>())
}

/// The migration with the line ends of the repository. Its checksum must not depend on the line
/// ends of the files that this program was built from.
fn with_unix_line_ends(migration: &Migration) -> Migration {
    let sql = migration.sql().filter(|sql| sql.contains('\r'));
    let as_in_repository =
        sql.and_then(|sql| Migration::unapplied(&migration.to_string(), &sql.replace("\r\n", "\n")).ok());
    as_in_repository.unwrap_or_else(|| migration.clone())
}

/// Reads the state of the schema. Needs no right except to read.
///
/// # Errors
/// The database failed.
pub async fn state(db: &Database) -> Result<SchemaState, DbError> {
    if !is_in_sight(db).await? {
        let schemas = schemas_with_tables(db).await?;
        if schemas.is_empty() {
            return Ok(SchemaState::Behind);
        }
        // Another program may have created them between the two statements.
        if !is_in_sight(db).await? {
            return Ok(SchemaState::OutOfSight { schemas });
        }
    }
    let known = known_version();
    let sql = "
        select coalesce(max(version), 0)::int,
               coalesce(array_agg(name::text) filter (where version > $1), '{}')
        from refinery_schema_history";
    let row = db.query_opt(sql, &[&known]).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    let (found, newer): (i32, Vec<String>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match found.cmp(&known) {
        std::cmp::Ordering::Greater if newer.iter().all(|name| is_usable_with(name, known)) => {
            SchemaState::Current
        }
        std::cmp::Ordering::Less => SchemaState::Behind,
        std::cmp::Ordering::Equal => SchemaState::Current,
        std::cmp::Ordering::Greater => SchemaState::Ahead { found, known },
    })
}

async fn is_in_sight(db: &Database) -> Result<bool, DbError> {
    let row = db.query_opt("select to_regclass('refinery_schema_history') is not null", &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()? == Some(true))
}

/// The PostgreSQL schemas of this database that hold our tables, readable or not. More than one
/// means that services may run side by side without seeing each other's orders.
///
/// # Errors
/// The database failed.
pub async fn schemas_with_tables(db: &Database) -> Result<Vec<String>, DbError> {
    let sql = "
        select nspname::text from pg_namespace
        where (select count(*) from pg_class
               where relnamespace = pg_namespace.oid and relkind in ('r', 'p')
                     and relname in ('refinery_schema_history', 'orders', 'order_status_log')) = 3
        order by 1";
    let rows = db.query(sql, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Migrates the schema, however long that takes. Of several concurrent calls, one applies each
/// migration and the others wait. Dropping the future stops it and cancels its statement. Returns
/// the versions that it applied. A current schema needs no right except to read.
///
/// # Errors
/// The schema is newer than this program, a migration failed, or the database did.
pub async fn migrate(db: &Database) -> Result<Vec<i32>, SchemaError> {
    match state(db).await? {
        SchemaState::Current => return Ok(Vec::new()),
        SchemaState::Ahead { found, known } => return Err(SchemaError::Ahead { found, known }),
        SchemaState::OutOfSight { schemas } => return Err(SchemaError::OutOfSight { schemas }),
        SchemaState::Behind => {}
    }
    let mut client = db.client().await?;
    let mut all_applied = Vec::new();
    loop {
        let applied = migrate_once(&mut client).await?;
        if applied.is_empty() {
            client.release();
            return Ok(all_applied);
        }
        all_applied.extend(applied);
    }
}

/// The limits of a migration. Its caller sets its deadline. If the client goes away, the server
/// notices (from PostgreSQL 14 on, on suitable systems). Plans for all rows of a table may scan it.
const LIMITS: &str = "
    set local statement_timeout = 0;
    set local enable_seqscan = on;
    do $$ begin
        set local client_connection_check_interval = '10s';
    exception when invalid_parameter_value or undefined_object then null;
    end $$";

/// Creates new tables beside the existing ones, even if this user got a schema of its own later.
const PLACE: &str = "
    select set_config('search_path', quote_ident(nspname), true)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = to_regclass('refinery_schema_history')";

/// Applies the next missing migration in one transaction. In a new database it applies all of them,
/// because no other transaction waits for a table. So no migration keeps a table's lock while
/// another one waits for its own. Returns the applied versions; none if nothing is missing.
///
/// The advisory lock and the limits end with the transaction, however it ends. A session's would
/// outlive it, and behind a connection pooler sessions are shared. Between two migrations another
/// program may continue.
async fn migrate_once(client: &mut Connection) -> Result<Vec<i32>, SchemaError> {
    let mut transaction = InOneTransaction(client.transaction().await.map_err(DbError::from)?);
    for statement in [LIMITS, &lock_statement(), PLACE, in_one_transaction::LOCK_LIMIT] {
        transaction.0.batch_execute(statement).await.map_err(DbError::from)?;
    }
    let next = next_version(&transaction).await?;
    let runner = runner().set_target(next.map_or(Target::Latest, Target::Version));
    let applied = runner.run_async(&mut transaction).await;
    let applied = applied.map_err(|why| SchemaError::Migration(Box::new(why)))?;
    transaction.0.commit().await.map_err(DbError::from)?;
    Ok(applied.applied_migrations().iter().map(Migration::version).collect())
}

/// The first version that a database with tables lacks.
async fn next_version(transaction: &InOneTransaction<'_>) -> Result<Option<i32>, DbError> {
    let sql = "select to_regclass('refinery_schema_history') is not null";
    if !transaction.0.query_one(sql, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let newest = transaction.0.query_one("select max(version) from refinery_schema_history", &[]).await?;
    let Some(newest) = newest.try_get::<_, Option<i32>>(0)? else { return Ok(None) };
    Ok(runner().get_migrations().iter().map(Migration::version).filter(|version| *version > newest).min())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_windows_change_no_checksum() {
        for migration in runner().get_migrations() {
            let sql = migration.sql().unwrap_or_default().replace('\n', "\r\n");
            let Ok(built_on_windows) = Migration::unapplied(&migration.to_string(), &sql) else {
                panic!("{migration} has a name that is none");
            };
            assert_ne!(built_on_windows.checksum(), migration.checksum());
            assert_eq!(with_unix_line_ends(&built_on_windows).checksum(), migration.checksum());
        }
    }
}
