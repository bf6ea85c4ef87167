//! Where the orders of a day end.

use time::OffsetDateTime;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;

/// Ids whose times may be out of order where two days meet: orders that commit at the same time.
const OUT_OF_ORDER: u32 = 1_000;

/// Returns a row id above those of all orders that were placed before this moment. Few orders that
/// were placed later are below it. `None` if no order was placed later.
///
/// # Errors
/// The database failed.
pub async fn above(db: &Database, moment: OffsetDateTime) -> Result<Option<i64>, DbError> {
    let sql = format!(
        "
        with recursive {first}, later as (
            select id from orders where id >= (select id from first) and created_at >= $1::timestamptz
            order by id limit 1
        ), nearby as (
            select id, created_at from orders where id >= (select id from later) order by id limit {OUT_OF_ORDER}
        )
        select greatest((select id::bigint from later),
                        (select max(id)::bigint + 1 from nearby where created_at < $1::timestamptz))",
        first = lowest_id("first", "orders", "created_at", "$1::timestamptz")
    );
    let row = db.query_opt(&sql, &[&moment]).await?;
    row.map_or(Ok(None), |row| Ok(row.try_get(0)?))
}
