//! The whole system in figures, for `restaurant-ctl exporter`: what no single process knows.
//!
//! They are read every few seconds, whether anybody looks or not. So nothing here reads all orders:
//! there may be millions.

use std::time::Duration;

use domain::{OrderStatus, OrderType, Specialisation};
use tokio_postgres::Row;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;
use crate::workers::ALIVE;

/// The beginning of the day (UTC).
const TODAY: &str = "(date_trunc('day', now() at time zone 'utc') at time zone 'utc')";
/// Most orders of this day that are counted: the newest ones.
const MOST_OF_TODAY: u32 = 1_000_000;

/// The figures of one moment. What has a count of 0 may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemFigures {
    /// Orders.
    pub orders: Vec<OrderCount>,
    /// Orders that wait for a cook.
    pub waiting: Vec<WaitingCount>,
    /// Messages that must go out: orders, status updates, events of requests.
    pub outboxes: [OutboxFigures; 3],
    /// Workers.
    pub workers: Vec<WorkerCount>,
    /// Open orders that are held since a backup was restored.
    pub held: f64,
    /// When the last good backup ended, in seconds since 1970; 0 if there is none.
    pub last_backup: f64,
}

/// Orders of a type and status: all that wait or cook, and of the others those that were placed
/// since the beginning of the day (UTC).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderCount {
    /// Their type.
    pub order_type: OrderType,
    /// Their status.
    pub status: OrderStatus,
    /// How many.
    pub count: f64,
}

/// Waiting orders of a type and priority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitingCount {
    /// Their type.
    pub order_type: OrderType,
    /// Their priority, as it is stored.
    pub priority: i32,
    /// How many.
    pub count: f64,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
}

/// A table of messages that must go out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutboxFigures {
    /// How many.
    pub rows: f64,
    /// How long ago the oldest of them came about, in seconds; 0 without any.
    pub oldest: f64,
}

/// Workers that cook the same types.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerCount {
    /// What they cook.
    pub specialisation: Specialisation,
    /// Whether they are registered and not offline, with a heartbeat within two intervals.
    pub online: bool,
    /// How many.
    pub count: f64,
}

/// Reads them, as of one moment.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Database) -> Result<SystemFigures, DbError> {
    let [orders, waiting, outboxes, workers, restores] =
        db.query_one_moment([&orders(), WAITING, OUTBOXES, &workers(), RESTORES]).await?;
    let outboxes = outboxes.iter().map(outbox).collect::<Result<Vec<_>, _>>()?;
    let restores = restores.first().ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(SystemFigures {
        orders: of_all(&orders, order_count)?,
        waiting: of_all(&waiting, waiting_count)?,
        outboxes: outboxes.try_into().map_err(|_| DbError::unexpected("there are three outboxes"))?,
        workers: of_all(&workers, worker_count)?,
        held: restores.try_get(0)?,
        last_backup: restores.try_get(1)?,
    })
}

/// What wait or cook has an index of its own. What else is of today stands at the end of the table.
fn orders() -> String {
    let today = lowest_id("today", "orders", "created_at", TODAY);
    format!(
        "
        with recursive {today}
        select type, status, count(*)::float8 from orders where status in ('received', 'cooking')
        group by type, status
        union all
        select type, status, count(*)::float8 from (
            select type, status, created_at from orders
            where id >= (select id from today) and status in ('ready', 'completed', 'cancelled')
            order by id desc limit {MOST_OF_TODAY}
        ) as newest
        where created_at >= {TODAY}
        group by type, status"
    )
}

const WAITING: &str = "
    select type, coalesce(priority, 1), count(*)::float8,
           extract(epoch from now() - min(created_at))::float8
    from orders where status = 'received' group by 1, 2";

/// In the order of [`SystemFigures::outboxes`]. What is held is not to be sent yet.
const OUTBOXES: &str = "
    select 1 as place, count(*)::float8,
           coalesce(extract(epoch from now() - min(orders.created_at)), 0)::float8
    from order_outbox left join orders on orders.id = order_outbox.order_id
    where not exists (select from held_orders
                      where held_orders.order_id = order_outbox.order_id and released_at is null)
    union all
    select 2, count(*)::float8, coalesce(extract(epoch from now() - min(changed_at)), 0)::float8
    from status_outbox
    union all
    select 3, count(*)::float8, coalesce(extract(epoch from now() - min(changed_at)), 0)::float8
    from request_outbox
    order by place";

const RESTORES: &str = "
    select (select count(*)::float8 from held_orders cross join lateral (
                select status from orders where orders.id = held_orders.order_id offset 0) as held
            where released_at is null and held.status in ('received', 'cooking')),
           coalesce(extract(epoch from (select max(finished_at) from backups)), 0)::float8";

fn workers() -> String {
    format!(
        "
        select type, coalesce({ALIVE}, false) as online, count(*)::float8
        from workers left join worker_sessions on worker_id = workers.id
        group by type, online"
    )
}

/// Rows that other programs wrote may say what no order or worker of ours is: they are left out.
fn of_all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<Option<T>, DbError>) -> Result<Vec<T>, DbError> {
    rows.iter().filter_map(|row| read(row).transpose()).collect()
}

fn order_count(row: &Row) -> Result<Option<OrderCount>, DbError> {
    let (order_type, status): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    let (Ok(order_type), Ok(status)) = (order_type.parse(), status.parse()) else { return Ok(None) };
    Ok(Some(OrderCount { order_type, status, count: row.try_get(2)? }))
}

fn waiting_count(row: &Row) -> Result<Option<WaitingCount>, DbError> {
    let order_type: &str = row.try_get(0)?;
    let Ok(order_type) = order_type.parse() else { return Ok(None) };
    // Negative if the clock was set back since.
    let oldest = Duration::try_from_secs_f64(row.try_get(3)?).unwrap_or_default();
    Ok(Some(WaitingCount { order_type, priority: row.try_get(1)?, count: row.try_get(2)?, oldest }))
}

fn outbox(row: &Row) -> Result<OutboxFigures, DbError> {
    Ok(OutboxFigures { rows: row.try_get(1)?, oldest: row.try_get::<_, f64>(2)?.max(0.0) })
}

fn worker_count(row: &Row) -> Result<Option<WorkerCount>, DbError> {
    let specialisation: &str = row.try_get(0)?;
    let specialisation = match specialisation {
        "general" => Specialisation::General,
        types => match types.parse() {
            Ok(specialisation) => specialisation,
            Err(_) => return Ok(None),
        },
    };
    Ok(Some(WorkerCount { specialisation, online: row.try_get(1)?, count: row.try_get(2)? }))
}
