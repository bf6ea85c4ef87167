//! The schema's versions: applied by whoever may, awaited by everybody else.

mod in_one_transaction;

use std::error::Error;
use std::time::Duration;

use refinery::{Migration, Runner, Target};

use self::in_one_transaction::InOneTransaction;
use crate::database::Database;
use crate::error::DbError;
use crate::pool::Connection;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// The key of the advisory lock under which migrations run; any number will do
/// that nobody else takes.
pub(crate) const MIGRATION_LOCK: i64 = 0x6f72_6465_7273;

/// How the database's schema stands to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// As this program expects it.
    Current,
    /// Not there yet, or older: it must be migrated.
    Behind,
    /// Newer than this program.
    Ahead {
        /// What the database has.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// There are tables, in PostgreSQL schemas that this user does not look into.
    OutOfSight {
        /// The schemas.
        schemas: Vec<String>,
    },
}

/// Why the schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Somebody migrated it for a newer program.
    #[error(
        "the database's schema has version {found}, this program knows versions up to {known}: run a newer version of it, or another database"
    )]
    Ahead {
        /// What the database has.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// There are tables already, where this user does not find them. Another set of them
    /// would split the orders.
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
    /// It took longer than the service waits for it. What was applied stays; the migration that was
    /// under way was rolled back.
    #[error(
        "the database's schema was not brought up to date within {} min: run 'restaurant-ctl migrate', which takes the time it needs",
        .0.as_secs() / 60
    )]
    TookTooLong(Duration),
    /// The database itself failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl SchemaError {
    /// Whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(why) => !why.is_permanent(),
            // The connection may break in the middle of one: it is rolled back, and the next
            // attempt begins with it.
            Self::Migration(_) => self.database_error().is_some_and(|why| !why.is_permanent()),
            Self::TookTooLong(_) => true,
            Self::Ahead { .. } | Self::OutOfSight { .. } => false,
        }
    }

    /// Whether somebody can mend it in the server while this program waits: correct a
    /// password, grant a right.
    pub fn can_be_mended(&self) -> bool {
        matches!(self, Self::Database(_) | Self::OutOfSight { .. })
    }

    /// Whether this user may not migrate: somebody else must, or must let him.
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

/// Waits for whoever else migrates, until the transaction ends.
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

/// The migration as it is in the repository. Its checksum must not depend on the line ends of the
/// files from which this program was built.
fn with_unix_line_ends(migration: &Migration) -> Migration {
    let sql = migration.sql().filter(|sql| sql.contains('\r'));
    let as_in_repository =
        sql.and_then(|sql| Migration::unapplied(&migration.to_string(), &sql.replace("\r\n", "\n")).ok());
    as_in_repository.unwrap_or_else(|| migration.clone())
}

/// Looks at the schema; needs no right but to read.
///
/// # Errors
/// The database cannot be asked.
pub async fn state(db: &Database) -> Result<SchemaState, DbError> {
    if !is_in_sight(db).await? {
        let schemas = schemas_with_tables(db).await?;
        if schemas.is_empty() {
            return Ok(SchemaState::Behind);
        }
        // Whoever migrates may have made them between the two questions.
        if !is_in_sight(db).await? {
            return Ok(SchemaState::OutOfSight { schemas });
        }
    }
    let row = db.query_opt("select coalesce(max(version), 0)::int from refinery_schema_history", &[]).await?;
    let found: i32 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    let known = known_version();
    Ok(match found.cmp(&known) {
        std::cmp::Ordering::Less => SchemaState::Behind,
        std::cmp::Ordering::Equal => SchemaState::Current,
        std::cmp::Ordering::Greater => SchemaState::Ahead { found, known },
    })
}

async fn is_in_sight(db: &Database) -> Result<bool, DbError> {
    let row = db.query_opt("select to_regclass('refinery_schema_history') is not null", &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()? == Some(true))
}

/// The PostgreSQL schemas of this database in which our tables are, whether this user may look
/// into them or not. More than one means that services may work side by side without seeing
/// each other's orders.
///
/// # Errors
/// The database cannot be asked.
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

/// Brings the schema up to date, however long that takes: of several that try at once, each
/// migration is applied by one of them, and the others wait. Dropped, it stops; the server is told
/// to end what runs there. Returns the versions that were applied here. A schema that is current
/// needs no right but to read.
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

/// What a migration runs under. How long it may take is for whoever awaits it to say; if nobody
/// does any more, the server notices (where it can: it needs PostgreSQL 14 or later, and a suitable
/// system). Plans for all rows of a table may read all of it.
const LIMITS: &str = "
    set local statement_timeout = 0;
    set local enable_seqscan = on;
    do $$ begin
        set local client_connection_check_interval = '10s';
    exception when invalid_parameter_value or undefined_object then null;
    end $$";

/// New tables go where the others are, also if this user's own schema came to be later.
const PLACE: &str = "
    select set_config('search_path', quote_ident(nspname), true)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = to_regclass('refinery_schema_history')";

/// The next migration that is missing, in one transaction; all of them in a new database, where
/// nobody waits for a table. So no migration keeps a table's lock while another waits for its own.
/// Returns what was applied: nothing, if none is missing.
///
/// The lock among those who migrate, and the limits, end with the transaction, however it ends.
/// Those of a session would stay with it, and behind a connection pooler sessions are everybody's.
/// Between two migrations another may take over.
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
