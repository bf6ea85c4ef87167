//! One statement on one connection, prepared once.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{Classification, Retry};
use crate::log_position::{NotedPositions, REPLAYED};
use crate::pool::Connection;

/// Runs a statement, and once more if its prepared form is stale: then it had no effect.
pub(super) async fn ask(
    client: &Connection,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    match ask_once(client, sql, parameters).await {
        Err(why) if Classification::of(&why).retry == Retry::PreparedAnew => {
            client.statement_cache.remove(sql, &[]);
            ask_once(client, sql, parameters).await
        }
        answer => answer,
    }
}

/// As [`ask`], of a standby. `None` if it is not close behind. Both statements are on one
/// connection, and the proof is the first: what the second one sees is not older.
pub(super) async fn ask_proved(
    client: &Connection,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
    noted: &NotedPositions,
) -> Result<Option<Vec<Row>>, tokio_postgres::Error> {
    let (replayed, rows) = tokio::join!(biased; ask(client, REPLAYED, &[]), ask(client, sql, parameters));
    let (replayed, rows) = (replayed?, rows?);
    let position: Option<i64> = match replayed.first() {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    Ok(position.is_some_and(|position| noted.is_close(position)).then_some(rows))
}

async fn ask_once(
    client: &Connection,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}
