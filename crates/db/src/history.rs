//! Reads the status and the history of orders.

use domain::OrderNumber;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError};

/// The current status of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentStatus {
    /// The status.
    pub status: String,
    /// When it changed to that status.
    pub updated_at: OffsetDateTime,
    /// When it should be ready; only in `cooking`.
    pub estimated_completion: Option<OffsetDateTime>,
    /// The worker that cooks or cooked it.
    pub processed_by: Option<String>,
}

/// One step in an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The new status.
    pub status: String,
    /// When it changed.
    pub changed_at: OffsetDateTime,
    /// Who changed it.
    pub changed_by: String,
}

/// Returns the current statuses of these orders, in this order; `None` for an unknown order.
///
/// # Errors
/// The database failed, or one row cannot be decoded; retry without it.
pub async fn current_statuses(
    db: &Database,
    numbers: &[OrderNumber],
) -> Result<Vec<Option<CurrentStatus>>, DbError> {
    // Look up each number in the index. A plan made for empty tables would otherwise scan a full
    // one.
    let sql = "
        select coalesce(status, 'received'), updated_at, estimated_completion, processed_by
        from unnest($1::text[]) with ordinality as asked (wish, place)
        left join lateral (
            select status, updated_at, processed_by,
                case when status = 'cooking' then (
                    select estimated_completion from order_claims where order_id = orders.id
                ) end as estimated_completion
            from orders where number = wish limit 1
        ) as found on true
        order by place";
    let numbers: Vec<String> = numbers.iter().map(OrderNumber::to_string).collect();
    let rows = db.query(sql, &[&numbers]).await?;
    rows.iter().map(|row| current_status(row).map_err(DbError::unexpected)).collect()
}

fn current_status(row: &Row) -> Result<Option<CurrentStatus>, tokio_postgres::Error> {
    // A stored order always has a time of change.
    let Some(updated_at) = row.try_get(1)? else { return Ok(None) };
    Ok(Some(CurrentStatus {
        status: row.try_get(0)?,
        updated_at,
        estimated_completion: row.try_get(2)?,
        processed_by: row.try_get(3)?,
    }))
}

/// Returns the history of an order, oldest first; empty for an unknown order.
///
/// # Errors
/// The database failed.
pub async fn history(db: &Database, number: &OrderNumber) -> Result<Vec<HistoryEntry>, DbError> {
    let sql = "
        select coalesce(log.status, ''), coalesce(log.changed_at, log.created_at), coalesce(log.changed_by, '')
        from order_status_log as log join orders on orders.id = log.order_id
        where orders.number = $1
        order by log.id";
    let rows = db.query(sql, &[&number.to_string()]).await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryEntry {
                status: row.try_get(0)?,
                changed_at: row.try_get(1)?,
                changed_by: row.try_get(2)?,
            })
        })
        .collect()
}
