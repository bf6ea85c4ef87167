//! Workers that were never seen again.

use super::{Horizon, PIECE, count};
use crate::database::{Database, DbError};

/// Not seen since, and without a claim. A row that another program wrote may lack its time.
const GONE: &str = "
    coalesce(last_seen, created_at) < $1
    and not exists (select from order_claims where order_claims.worker = workers.name)";

/// The number of such workers.
///
/// # Errors
/// The database failed.
pub async fn count_workers(db: &Database, horizon: &Horizon) -> Result<u64, DbError> {
    let sql = format!("select count(*) from workers where {GONE}");
    let row = db.query_opt(&sql, &[&horizon.moment]).await?;
    count(&row.ok_or_else(|| DbError::unexpected("no row"))?, 0)
}

/// Removes such workers, at most [`PIECE`], and returns their number. One that registers at this
/// moment stays, or registers anew.
///
/// # Errors
/// The database failed. A repetition finds what is left.
pub async fn remove_workers(db: &Database, horizon: &Horizon) -> Result<u64, DbError> {
    let sql = format!(
        "with gone as materialized (
            select id from workers where {GONE} order by id limit {PIECE} for update of workers skip locked
        ), sessions as (
            delete from worker_sessions where worker_id = any(array(select id from gone))
        )
        delete from workers where id = any(array(select id from gone)) returning 1"
    );
    let rows = db.query(&sql, &[&horizon.moment]).await?;
    u64::try_from(rows.len()).map_err(DbError::unexpected)
}
