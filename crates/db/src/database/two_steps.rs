//! A transaction of two statements in two round trips.

use deadlines::database::STATEMENT_DEADLINE;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Database, DbError, PoolChoice};
use crate::error::{Classification, Retry};
use crate::named::Parameters;
use crate::pool::Connection;

/// The first step: a statement that reads, and locks what it reads.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// [`BEGIN`], perhaps with the lock of a table.
    pub(crate) begin: &'a str,
    pub(crate) sql: &'a str,
    pub(crate) parameters: &'a [&'a (dyn ToSql + Sync)],
}

/// How a transaction begins. Its locks go soon if this service is frozen between the two steps:
/// [`SERVER_STEP_TIMEOUT`](deadlines::database::SERVER_STEP_TIMEOUT).
pub(crate) const BEGIN: &str = "begin; set local idle_in_transaction_session_timeout = '5s'";

/// What follows from the rows that were read.
pub(crate) struct Decision<'a, T> {
    /// For the caller.
    pub(crate) result: T,
    /// The values of the statement that writes. Without them nothing is written.
    pub(crate) writing: Option<Parameters<'a>>,
}

impl Database {
    /// Reads, decides and writes in one transaction, under the deadline of one statement. `begin`
    /// travels with the first statement and `commit` with the second one, so the locks of the
    /// transaction last for two round trips. Returns the decision's result and the written rows.
    ///
    /// If a prepared statement is stale because its table was altered, everything was rolled back,
    /// and all of it runs once more.
    ///
    /// # Errors
    /// Nothing was written, unless the error [is in doubt](DbError::is_in_doubt).
    pub(crate) async fn read_then_write<'a, T>(
        &self,
        reading: Reading<'_>,
        writing: &str,
        decide: impl Fn(&[Row]) -> Result<Decision<'a, T>, DbError>,
    ) -> Result<(T, Vec<Row>), DbError> {
        let begun = self.begin(PoolChoice::Shared);
        let ended = async {
            let client = self.client_of(PoolChoice::Shared).await?;
            let work = transact(&client, reading, writing, &decide);
            let Ok(done) = timeout(STATEMENT_DEADLINE, work).await else {
                client.discard();
                return Err(DbError::Timeout(STATEMENT_DEADLINE));
            };
            self.answered(client, done)
        };
        begun.ended(ended.await)
    }
}

async fn transact<'a, T>(
    client: &Connection,
    reading: Reading<'_>,
    writing: &str,
    decide: &impl Fn(&[Row]) -> Result<Decision<'a, T>, DbError>,
) -> Result<(T, Vec<Row>), DbError> {
    let is_stale = |why: &DbError| match why {
        DbError::Failed(why) => Classification::of(why).retry == Retry::PreparedAnew,
        _ => false,
    };
    match transact_once(client, reading, writing, decide).await {
        Err(why) if is_stale(&why) => {
            client.statement_cache.clear();
            transact_once(client, reading, writing, decide).await
        }
        done => done,
    }
}

async fn transact_once<'a, T>(
    client: &Connection,
    reading: Reading<'_>,
    writing: &str,
    decide: &impl Fn(&[Row]) -> Result<Decision<'a, T>, DbError>,
) -> Result<(T, Vec<Row>), DbError> {
    let read = client.prepare_cached(reading.sql).await?;
    let write = client.prepare_cached(writing).await?;
    // Both are sent before either is answered.
    let (begun, rows) =
        tokio::join!(biased; client.batch_execute(reading.begin), client.query(&read, reading.parameters));
    let decided = begun.and(rows).map_err(DbError::from).and_then(|rows| decide(&rows));
    let (result, writing) = match decided {
        Ok(Decision { result, writing: Some(values) }) => (result, values),
        Ok(Decision { result, writing: None }) => {
            roll_back(client).await;
            return Ok((result, Vec::new()));
        }
        Err(why) => {
            roll_back(client).await;
            return Err(why);
        }
    };
    let values = match writing.in_order() {
        Ok(values) => values,
        Err(why) => {
            roll_back(client).await;
            return Err(why);
        }
    };
    // If the statement fails, the commit that follows it rolls back.
    let (rows, committed) =
        tokio::join!(biased; client.query(&write, &values), client.batch_execute("commit"));
    let rows = rows?;
    committed?;
    Ok((result, rows))
}

/// The next user of the connection must not wait for it. If it fails, the connection is closed.
async fn roll_back(client: &Connection) {
    drop(client.batch_execute("rollback").await);
}

#[cfg(test)]
mod tests {
    use deadlines::database::SERVER_STEP_TIMEOUT;

    use super::BEGIN;

    #[test]
    fn the_limit_is_a_deadline_of_the_project() {
        assert!(BEGIN.ends_with(&format!(" = '{}s'", SERVER_STEP_TIMEOUT.as_secs())), "{BEGIN}");
    }
}
