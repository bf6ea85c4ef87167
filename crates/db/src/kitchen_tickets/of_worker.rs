//! The tickets of one worker whose cook is a person: orders that it holds or has finished.

use domain::order_status::RECALL_WINDOW;
use domain::{OrderIdentity, OrderMessage, OrderNumber, WorkerName};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{CookingTime, MOST_ROWS, Ticket, cooking, cooking_time, ticket};
use crate::database::{Database, DbError};
use crate::orders::{MESSAGE_COLUMNS, order_message};
use crate::recent::lowest_id;

/// Most orders that a worker may recall: the latest.
const MOST_RECALLABLE: i64 = 100;

/// An order as the worker that holds it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTicket {
    /// The order. Its status is as stored, whatever that is.
    pub ticket: Ticket,
    /// Who changed its status last.
    pub changed_by: Option<String>,
    /// Its status before that.
    pub status_before: Option<String>,
    /// When it should be ready, while it is claimed.
    pub estimated_completion: Option<OffsetDateTime>,
    /// Whether it is cooked once more.
    pub is_recalled: bool,
}

/// Tickets at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTickets {
    /// When they were read.
    pub as_of: OffsetDateTime,
    /// Those that exist, in no order.
    pub tickets: Vec<HeldTicket>,
}

/// Reads these orders. Those that do not exist are left out.
///
/// # Errors
/// The database failed.
pub async fn of_orders(db: &Database, numbers: &[OrderNumber]) -> Result<HeldTickets, DbError> {
    // The outer join keeps the time if there is no order.
    let sql = "
        select number, type, coalesce(status, 'received'), coalesce(priority, 1), customer_name, table_number,
               processed_by, created_at, updated_at, names, quantities,
               changed_by, status_before, claim.estimated_completion, is_recalled, now()
        from (select) as moment left join (
            select held.*, items.*, history.*
            from orders as held cross join lateral (
                select coalesce(array_agg(name order by id), '{}') as names,
                       coalesce(array_agg(quantity order by id), '{}') as quantities
                from order_items where order_id = held.id
            ) as items cross join lateral (
                select (array_agg(log.changed_by order by log.id desc))[1] as changed_by,
                       (array_agg(log.status order by log.id desc))[2] as status_before,
                       coalesce((array_agg(log.notes order by log.id desc))[1] = $2, false) as is_recalled
                from order_status_log as log where log.order_id = held.id
            ) as history
            where number = any($1)
        ) as known on true left join order_claims as claim on claim.order_id = known.id";
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let rows = db.query(sql, &[&texts, &domain::order_status::RECALL_NOTE]).await?;
    let first = rows.first().ok_or_else(|| DbError::unexpected("there is always a row with the time"))?;
    let as_of = first.try_get(15)?;
    let mut tickets = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get::<_, Option<&str>>(0)?.is_some() {
            tickets.push(HeldTicket {
                ticket: ticket(row)?,
                changed_by: row.try_get(11)?,
                status_before: row.try_get(12)?,
                estimated_completion: row.try_get(13)?,
                is_recalled: row.try_get(14)?,
            });
        }
    }
    Ok(HeldTickets { as_of, tickets })
}

/// Returns the orders that this worker finished, and that can still be recalled: the latest first.
///
/// # Errors
/// The database failed.
pub async fn recallable(db: &Database, worker: &WorkerName) -> Result<Vec<OrderNumber>, DbError> {
    let since = "(now() - make_interval(secs => $1))";
    let sql = format!(
        "with recursive {recent}, steps as (
            select order_id, status, changed_by, changed_at from order_status_log
            where id >= (select id from recent) order by id desc limit {MOST_ROWS}
        ), finished as (
            select order_id, max(changed_at) as at from steps
            where status = 'ready' and changed_by = $2 and changed_at > {since} group by order_id
        )
        select number from finished cross join lateral (
            select number from orders
            where id = finished.order_id and status = 'ready' and processed_by = $2 limit 1
        ) as known
        order by at desc, number desc limit {MOST_RECALLABLE}",
        recent = lowest_id("recent", "order_status_log", "changed_at", since)
    );
    let rows = db.query(&sql, &[&RECALL_WINDOW.as_secs_f64(), &worker.as_str()]).await?;
    rows.iter().map(|row| row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)).collect()
}

/// How long the orders of each type cooked in the last hour, whoever cooked them.
///
/// # Errors
/// The database failed.
pub async fn cooking_times(db: &Database) -> Result<Vec<CookingTime>, DbError> {
    db.query(&cooking(), &[]).await?.iter().map(cooking_time).collect()
}

/// Reads what an order's message says, from its rows. `None` if there is no such order.
///
/// # Errors
/// The database failed, or the order has no items.
pub async fn message(
    db: &Database,
    number: OrderNumber,
) -> Result<Option<(OrderMessage, Option<OrderIdentity>)>, DbError> {
    let sql = format!(
        "select (select identity from order_identities where order_id = o.id), {MESSAGE_COLUMNS}
         from orders as o where number = $1"
    );
    let row = db.query_opt(&sql, &[&number.to_string()]).await?;
    row.map(|row| {
        let identity: Option<Uuid> = row.try_get(0)?;
        Ok((order_message(&row)?, identity.map(OrderIdentity::from)))
    })
    .transpose()
}
