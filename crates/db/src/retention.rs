//! What is old goes, or loses its names: orders, requests and workers, for `restaurant-ctl prune`.
//!
//! All of it works in pieces. A piece looks at the next [`PIECE`] rows by their key, and is one
//! statement and so one transaction: it holds few locks, of rows that nobody changes any more, for
//! some milliseconds. Whatever interrupts a run, the next one finds what is left.
//!
//! No index has the times of orders, because it would cost every order, and to make it would lock
//! the table. Ids are given in the sequence of time, nearly: orders are looked at from the lowest
//! id up to the [horizon](Horizon).
//!
//! What is removed is recorded in the same transaction (`pruned_orders`, `pruned_work`,
//! `pruned_stock`), so that [the audit](crate::audit) still counts every number, every finished
//! order of a worker, and every portion.

mod orders;
mod requests;
mod workers;

use std::time::Duration;

use time::OffsetDateTime;

pub use self::orders::{OrderPiece, order_piece};
pub use self::requests::{RequestPiece, request_piece};
pub use self::workers::{count_workers, remove_workers};
use crate::database::{Database, DbError};
use crate::order_days;

/// The most rows that a piece looks at, and so the most orders of one transaction.
pub const PIECE: usize = 1_000;

/// What stands in place of a name or an address that was blanked. It is no name of anybody, and a
/// name to every program that reads it.
pub const BLANK: &str = "-";

/// The shortest age that may be asked for: until then an order's `Idempotency-Key` is kept, and its
/// client may repeat the request.
pub const YOUNGEST: Duration = crate::idempotency::KEPT_FOR;

/// What to do with what is old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Only count it.
    Count,
    /// Only count what has a name or an address.
    CountNamed,
    /// Remove it.
    Remove,
    /// Blank names and addresses, and texts that may contain some.
    Anonymise,
}

/// Where the recent part begins, which is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// What changed last before this moment, by the database's clock, is old.
    pub moment: OffsetDateTime,
    /// Every old order's row id is below it.
    above: i64,
}

/// The horizon of what is older than this.
///
/// # Errors
/// The database failed.
pub async fn horizon(db: &Database, older_than: Duration) -> Result<Horizon, DbError> {
    let sql = "select now() - make_interval(secs => $1)";
    let row = db.query_opt(sql, &[&older_than.as_secs_f64()]).await?;
    let row = row.ok_or_else(|| DbError::unexpected("no row"))?;
    let moment = row.try_get(0)?;
    let above = order_days::above(db, moment).await?.unwrap_or(i64::MAX);
    Ok(Horizon { moment, above })
}

fn count(row: &tokio_postgres::Row, column: usize) -> Result<u64, DbError> {
    u64::try_from(row.try_get::<_, i64>(column)?).map_err(DbError::unexpected)
}
