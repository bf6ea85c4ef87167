//! The schema's versions: applied by whoever may, awaited by everybody else.

mod in_one_transaction;

use std::error::Error;
use std::time::Duration;

use refinery::{Migration, Runner};
use refinery_core::traits::r#async::AsyncTransaction;
use tokio::time::timeout;

use self::in_one_transaction::InOneTransaction;
use crate::database::Database;
use crate::error::DbError;
use crate::pool::Connection;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// The key of the advisory lock under which migrations run; any number will do that nobody else takes.
pub(crate) const MIGRATION_LOCK: i64 = 0x6f72_6465_7273;

/// Longest time for all migrations, the wait for whoever else migrates included.
const MIGRATION_DEADLINE: Duration = Duration::from_mins(15);

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
    /// There are tables already, where this user does not find them. Another set of them would split the orders.
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
    /// The database itself failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl SchemaError {
    /// Whether the same attempt may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(why) => !why.is_permanent(),
            // The connection may break in the middle: all of it is one transaction, and the next attempt begins anew.
            Self::Migration(_) => self.database_error().is_some_and(|why| !why.is_permanent()),
            Self::Ahead { .. } | Self::OutOfSight { .. } => false,
        }
    }

    /// Whether somebody can mend it in the server while this program waits: correct a password, grant a right.
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
            Self::Ahead { .. } | Self::OutOfSight { .. } => None,
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

/// The migration as it is in the repository. Its checksum must not depend on the line ends of the files from which this
/// program was built.
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
    let present = db.query_opt("select to_regclass('refinery_schema_history') is not null", &[]).await?;
    if present.map(|row| row.try_get(0)).transpose()? != Some(true) {
        let schemas = schemas_with_tables(db).await?;
        return Ok(if schemas.is_empty() {
            SchemaState::Behind
        } else {
            SchemaState::OutOfSight { schemas }
        });
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

/// The PostgreSQL schemas of this database in which our tables are, whether this user may look into them or not. More than one
/// means that services may work side by side without seeing each other's orders.
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

/// Brings the schema up to date; of several that try at once, one does it and the others wait.
/// Returns the versions that were applied. A schema that is current needs no right but to read.
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
    let Ok(applied) = timeout(MIGRATION_DEADLINE, migrate_at_once(&mut client)).await else {
        client.give_up();
        return Err(DbError::Timeout(MIGRATION_DEADLINE).into());
    };
    if applied.is_ok() {
        client.give_back();
    }
    applied
}

/// All that is missing in one transaction: the lock and the longer limit end with it, however it ends. (Those of a session would
/// stay with it, and behind a connection pooler sessions are everybody's.)
async fn migrate_at_once(client: &mut Connection) -> Result<Vec<i32>, SchemaError> {
    let mut transaction = InOneTransaction(client.transaction().await.map_err(DbError::from)?);
    // New tables go where the others are, also if this user's own schema came to be later.
    let place = "select set_config('search_path', quote_ident(nspname), true)
                 from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                 where pg_class.oid = to_regclass('refinery_schema_history')";
    let prepare = ["set local statement_timeout = '10min'".to_owned(), lock_statement(), place.to_owned()];
    transaction.execute(prepare.iter().map(String::as_str)).await?;
    let applied = runner().run_async(&mut transaction).await;
    let applied = applied.map_err(|why| SchemaError::Migration(Box::new(why)))?;
    transaction.0.commit().await.map_err(DbError::from)?;
    Ok(applied.applied_migrations().iter().map(Migration::version).collect())
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
