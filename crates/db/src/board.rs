//! What guests see on the board: which orders are being prepared, and which are ready.

use std::time::Duration;

use time::OffsetDateTime;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;

/// Most numbers in each of the two lists.
pub const MOST: i64 = 500;
/// Most rows of the log in which ready orders are searched for: those of some thousand orders.
const MOST_ROWS: i64 = 20_000;

/// The board at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// When it was read.
    pub as_of: OffsetDateTime,
    /// Numbers of orders that wait or cook: the oldest first.
    pub preparing: Vec<String>,
    /// Numbers of orders that are ready: the latest first.
    pub ready: Vec<String>,
}

/// Reads the board. An order that is ready stays on it for `keep`, from the last time at which it
/// became ready.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Database, keep: Duration) -> Result<Board, DbError> {
    let since = "(now() - make_interval(secs => $1))";
    let sql = format!(
        "
        with recursive {recent}, steps as (
            select order_id, status, changed_at from order_status_log
            where id >= (select id from recent) order by id desc limit {MOST_ROWS}
        ), became_ready as (
            select order_id, max(changed_at) as at from steps
            where status = 'ready' and changed_at > {since} group by order_id
        ), ready as (
            select number, at from became_ready cross join lateral (
                select number from orders where id = became_ready.order_id and status = 'ready' limit 1
            ) as known
            order by at desc, number desc limit {MOST}
        ), preparing as (
            select number, created_at, id
            from unnest(array['dine_in', 'takeout', 'delivery']) as of_type cross join lateral (
                select number, created_at, id from orders
                where type = of_type and status in ('received', 'cooking') order by created_at limit {MOST}
            ) as open
            order by created_at, id limit {MOST}
        )
        select now(),
               array(select number from preparing order by created_at, id),
               array(select number from ready order by at desc, number desc)",
        recent = lowest_id("recent", "order_status_log", "changed_at", since)
    );
    let row = db.query_opt(&sql, &[&keep.as_secs_f64()]).await?;
    let row = row.ok_or_else(|| DbError::unexpected("the board has no row"))?;
    Ok(Board { as_of: row.try_get(0)?, preparing: row.try_get(1)?, ready: row.try_get(2)? })
}
