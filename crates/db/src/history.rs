//! What there is to read about an order.

use domain::OrderNumber;
use time::OffsetDateTime;

use crate::database::{Database, DbError};

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentStatus {
    /// Its status.
    pub status: String,
    /// When it got that status.
    pub updated_at: OffsetDateTime,
    /// When it should be ready; only while somebody cooks it.
    pub estimated_completion: Option<OffsetDateTime>,
    /// Who cooks or cooked it.
    pub processed_by: Option<String>,
}

/// One step of an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What it became.
    pub status: String,
    /// When.
    pub changed_at: OffsetDateTime,
    /// By whom.
    pub changed_by: String,
}

/// The current status of an order, or `None` if there is no such order.
///
/// # Errors
/// The database failed.
pub async fn current_status(db: &Database, number: &OrderNumber) -> Result<Option<CurrentStatus>, DbError> {
    let sql = "
        select coalesce(status, 'received'), updated_at, estimated_completion, processed_by
        from orders left join order_claims on order_id = id and status = 'cooking'
        where number = $1";
    let row = db.query_opt(sql, &[&number.to_string()]).await?;
    row.map(|row| {
        Ok(CurrentStatus {
            status: row.try_get(0)?,
            updated_at: row.try_get(1)?,
            estimated_completion: row.try_get(2)?,
            processed_by: row.try_get(3)?,
        })
    })
    .transpose()
}

/// Every step of an order's life, oldest first; empty if there is no such order.
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
