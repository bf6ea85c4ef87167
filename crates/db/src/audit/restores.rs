//! What restores left: orders that are held, and orders that are lost. No rule is broken by either;
//! a person has to know of both.

use tokio_postgres::Transaction;

use super::{EXAMPLES, LowerBound};
use crate::database::DbError;

/// How many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// How many.
    pub count: u64,
    /// The first of them, as sentences.
    pub examples: Vec<String>,
}

/// What restores left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restores {
    /// Open orders that are neither sent nor cooked.
    pub held: Named,
    /// Orders that were acknowledged to their guests, and are not there. At most this many names:
    /// [`MOST_LOST`].
    pub lost: Named,
    /// Numbers that no order has, because they were given out after the backup.
    pub skipped: u64,
}

/// The most lost orders that are named: somebody has to tell each guest.
pub const MOST_LOST: usize = 1_000;

/// Reads it. Held orders count whatever the scope: they wait now.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Restores, DbError> {
    let held = format!(
        "select count(*), (array_agg(format('%s (%s) was %s', number, type, held_orders.status) order by number))[1:{EXAMPLES}]
         from held_orders join orders on orders.id = order_id
         where released_at is null and orders.status in ('received', 'cooking')"
    );
    let lost = format!(
        "select count(*), (array_agg(number order by length(number), number))[1:{MOST_LOST}]
         from lost_orders where number >= $1"
    );
    let skipped = "
        select coalesce(sum(last_number - first_number + 1), 0)::bigint from number_gaps
        where 'ORD_' || to_char(day, 'YYYYMMDD') >= $1";
    let held = transaction.query_one(&held, &[]).await?;
    let lost = transaction.query_one(&lost, &[&from.number]).await?;
    let skipped = transaction.query_one(skipped, &[&from.number]).await?;
    Ok(Restores { held: named(&held)?, lost: named(&lost)?, skipped: count(skipped.try_get(0)?)? })
}

fn named(row: &tokio_postgres::Row) -> Result<Named, DbError> {
    let examples: Option<Vec<String>> = row.try_get(1)?;
    Ok(Named { count: count(row.try_get(0)?)?, examples: examples.unwrap_or_default() })
}

fn count(number: i64) -> Result<u64, DbError> {
    u64::try_from(number).map_err(DbError::unexpected)
}
