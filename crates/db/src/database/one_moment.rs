//! Several statements that read one moment.

use deadlines::database::STATEMENT_DEADLINE;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::{Database, DbError, PoolChoice};
use crate::error::{Classification, Retry};
use crate::pool::Connection;

impl Database {
    /// Runs statements without parameters in one snapshot, under the deadline of one statement. It
    /// locks nothing and waits for nobody who writes rows. If a prepared statement is stale because
    /// its table was altered, all of it runs once more.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn query_one_moment<const N: usize>(
        &self,
        statements: [&str; N],
    ) -> Result<[Vec<Row>; N], DbError> {
        let begun = self.begin(PoolChoice::Shared);
        let ended = async {
            let client = self.client_of(PoolChoice::Shared).await?;
            let Ok(read) = timeout(STATEMENT_DEADLINE, read(&client, statements)).await else {
                client.discard();
                return Err(DbError::Timeout(STATEMENT_DEADLINE));
            };
            self.answered(client, read.map_err(DbError::from))
        };
        begun.ended(ended.await)
    }
}

async fn read<const N: usize>(
    client: &Connection,
    statements: [&str; N],
) -> Result<[Vec<Row>; N], tokio_postgres::Error> {
    match read_once(client, statements).await {
        Err(why) if Classification::of(&why).retry == Retry::PreparedAnew => {
            client.statement_cache.clear();
            read_once(client, statements).await
        }
        rows => rows,
    }
}

async fn read_once<const N: usize>(
    client: &Connection,
    statements: [&str; N],
) -> Result<[Vec<Row>; N], tokio_postgres::Error> {
    client.batch_execute("begin isolation level repeatable read, read only").await?;
    let read = async {
        let mut all = [const { Vec::new() }; N];
        for (rows, sql) in all.iter_mut().zip(statements) {
            let statement = client.prepare_cached(sql).await?;
            *rows = client.query(&statement, &[]).await?;
        }
        Ok(all)
    };
    let read = read.await;
    // The next user of the connection must not wait for it.
    client.batch_execute("rollback").await?;
    read
}
