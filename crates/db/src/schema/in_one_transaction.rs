//! Refinery's way to the database: everything that it does, in one transaction of ours.

use deadpool_postgres::Transaction;
use refinery::Migration;
use refinery_core::AsyncMigrate;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::DbError;

/// An open transaction. What refinery takes for transactions of its own are parts of it.
pub(super) struct InOneTransaction<'a>(pub(super) Transaction<'a>);

impl AsyncTransaction for InOneTransaction<'_> {
    type Error = DbError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        statements: T,
    ) -> Result<usize, DbError> {
        let mut count = 0;
        for statement in statements {
            self.0.batch_execute(statement).await?;
            count += 1;
        }
        Ok(count)
    }
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
