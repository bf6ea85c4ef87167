//! Refinery's access to the database: everything that it does, in one transaction of ours.

use std::time::Duration;

use deadpool_postgres::Transaction;
use refinery::Migration;
use refinery_core::AsyncMigrate;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::sleep;

use crate::error::DbError;

/// The longest wait for a table's lock. Later transactions, for orders too, wait behind this one.
/// It exceeds the second after which an autovacuum yields.
pub(super) const LOCK_LIMIT: &str = "set local lock_timeout = '3s'";
/// The attempts at a migration whose table is in use for longer.
const ATTEMPTS: u32 = 40;
/// The pause between two attempts, in which all others get their locks.
const PAUSE: Duration = Duration::from_secs(5);

/// An open transaction. Refinery's own transactions are savepoints in it.
pub(super) struct InOneTransaction<'a>(pub(super) Transaction<'a>);

impl AsyncTransaction for InOneTransaction<'_> {
    type Error = DbError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        statements: T,
    ) -> Result<usize, DbError> {
        let statements: Vec<&str> = statements.collect();
        let mut attempt = 1;
        loop {
            // Rolling back to the savepoint releases the tables, but keeps the advisory lock for
            // migrations.
            let part = self.0.transaction().await?;
            match execute(&part, &statements).await {
                Ok(()) => {
                    part.commit().await?;
                    return Ok(statements.len());
                }
                Err(why) if attempt < ATTEMPTS && why.is_locked_out() => part.rollback().await?,
                Err(why) => return Err(why),
            }
            attempt += 1;
            sleep(PAUSE).await;
        }
    }
}

async fn execute(part: &Transaction<'_>, statements: &[&str]) -> Result<(), DbError> {
    for statement in statements {
        part.batch_execute(statement).await?;
    }
    Ok(())
}

impl AsyncQuery<Vec<Migration>> for InOneTransaction<'_> {
    async fn query<'a>(&'a mut self, sql: &'a str) -> Result<Vec<Migration>, DbError> {
        let rows = self.0.query(sql, &[]).await?;
        rows.iter()
            .map(|row| {
                let (applied_on, checksum): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
                let applied_on = OffsetDateTime::parse(applied_on, &Rfc3339).map_err(DbError::unexpected)?;
                let checksum = checksum.parse().map_err(DbError::unexpected)?;
                Ok(Migration::applied(row.try_get(0)?, row.try_get(1)?, applied_on, checksum))
            })
            .collect()
    }
}

impl AsyncMigrate for InOneTransaction<'_> {}
