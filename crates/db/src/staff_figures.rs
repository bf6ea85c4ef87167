//! The restaurant in figures, for its staff: what came in and went out lately, what is open, how
//! long orders stayed in each status, and who cooks.

use std::time::Duration;

use domain::{OrderStatus, OrderType};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;
use crate::workers::ALIVE;

/// Whole minutes that are looked back.
const MINUTES: u32 = 60;
/// Most rows of the log that are counted. If the last hour has more, its older minutes are left
/// out.
const MOST_ROWS: i64 = 50_000;
/// Most changes whose time in the status before is measured.
const MOST_STAYS: i64 = 5_000;
/// Most orders of one type and status that are counted.
pub const MOST_OPEN: i64 = 10_000;
/// Most workers that are listed: those that live, then those that were seen last.
const MOST_WORKERS: i64 = 200;
/// Seconds over which the times in a status are put together.
const STAY_SECONDS: u32 = 300;

/// The figures of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// When they were read.
    pub as_of: OffsetDateTime,
    /// The last hour, the oldest minute first. The last one is not over yet.
    pub minutes: Vec<Minute>,
    /// What is open, of every type.
    pub types: Vec<TypeFigures>,
    /// How long orders stayed.
    pub stays: Vec<Stay>,
    /// Who cooks: those that live first.
    pub workers: Vec<WorkerFigures>,
}

/// What happened in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute {
    /// Its begin.
    pub start: OffsetDateTime,
    /// Orders that were placed.
    pub placed: u32,
    /// Orders that became ready.
    pub ready: u32,
    /// Orders that were cancelled.
    pub cancelled: u32,
}

/// The open orders of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeFigures {
    /// The type.
    pub order_type: OrderType,
    /// Orders that wait, or [`MOST_OPEN`] if there are more.
    pub waiting: u32,
    /// When the oldest of them was placed.
    pub oldest_waiting: Option<OffsetDateTime>,
    /// Orders that cook, or [`MOST_OPEN`].
    pub cooking: u32,
    /// Live workers that cook this type.
    pub cooks: u32,
}

/// How long orders stayed in a status, of those that left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The status that they left.
    pub status: OrderStatus,
    /// The begin of the five minutes in which they left it. `None`: the whole hour.
    pub start: Option<OffsetDateTime>,
    /// How many left it.
    pub orders: u32,
    /// Half of them stayed for less than this,
    pub median: Duration,
    /// and nine of ten for less than this.
    pub p90: Duration,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerFigures {
    /// Its name.
    pub name: String,
    /// The types that it cooks, as `workers` has them: `general`, or names with commas.
    pub specialisation: String,
    /// Whether it is registered and not offline, with a heartbeat within two intervals.
    pub online: bool,
    /// Its last heartbeat.
    pub last_seen: Option<OffsetDateTime>,
    /// Orders that it finished.
    pub orders_processed: i32,
}

/// Reads them, as of one moment.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Database) -> Result<Figures, DbError> {
    let [minutes, types, stays, workers] =
        db.query_one_moment([&minutes(), &types(), &stays(), &workers()]).await?;
    let first = minutes.first().ok_or_else(|| DbError::unexpected("there is no minute"))?;
    Ok(Figures {
        as_of: first.try_get(4)?,
        minutes: minutes.iter().map(minute).collect::<Result<_, _>>()?,
        types: types.iter().map(of_type).collect::<Result<_, _>>()?,
        stays: stays.iter().map(stay).collect::<Result<_, _>>()?,
        workers: workers.iter().map(worker).collect::<Result<_, _>>()?,
    })
}

/// The begin of the hour.
fn since() -> String {
    format!("(date_trunc('minute', now()) - interval '{MINUTES} minutes')")
}

/// For `with recursive`: `steps`, the changes of the last hour, and some of the minute before.
fn steps(most: i64) -> String {
    let recent = lowest_id("recent", "order_status_log", "changed_at", &since());
    format!(
        "{recent}, steps as materialized (
            select id, order_id, status, changed_at from order_status_log
            where id >= (select id from recent) order by id desc limit {most}
        )"
    )
}

fn minutes() -> String {
    format!(
        "
        with recursive {steps}, counted as (
            select date_trunc('minute', changed_at) as start,
                   count(*) filter (where status = 'received') as placed,
                   count(*) filter (where status = 'ready') as ready,
                   count(*) filter (where status = 'cancelled') as cancelled
            from steps group by 1
        ), cut as (
            select max(at) as before from (select min(changed_at) as at from steps having count(*) >= {MOST_ROWS}) as oldest
        )
        select start, coalesce(placed, 0)::int, coalesce(ready, 0)::int, coalesce(cancelled, 0)::int, now()
        from generate_series({since}, date_trunc('minute', now()), interval '1 minute') as start
        left join counted using (start) cross join cut
        where cut.before is null or start > cut.before or start = date_trunc('minute', now())
        order by start",
        steps = steps(MOST_ROWS),
        since = since()
    )
}

fn types() -> String {
    let count = |status: &str| {
        format!(
            "(select count(*)::int from (select from orders where orders.type = of_type and status = '{status}'
                                         limit {MOST_OPEN}) as first)"
        )
    };
    format!(
        "
        select of_type, {waiting}, {cooking},
               (select created_at from orders where orders.type = of_type and status = 'received'
                order by created_at limit 1),
               (select count(*)::int from workers left join worker_sessions on worker_id = workers.id
                where {ALIVE} and (workers.type = 'general' or of_type = any(string_to_array(workers.type, ','))))
        from unnest(array['dine_in', 'takeout', 'delivery']) with ordinality as types (of_type, place)
        order by place",
        waiting = count("received"),
        cooking = count("cooking")
    )
}

fn stays() -> String {
    format!(
        "
        with recursive {steps}, ended as (
            select before.status, seconds, steps.changed_at as at
            from steps cross join lateral (
                select (array_agg(log.status order by log.id desc))[1] as status,
                       (array_agg(log.changed_at order by log.id desc))[1] as began
                from order_status_log as log where log.order_id = steps.order_id and log.id < steps.id
            ) as before cross join lateral (
                select greatest(extract(epoch from steps.changed_at - began), 0)::float8 as seconds
            ) as stayed
            where steps.status <> 'received' and steps.changed_at > {since}
              and before.status in ('received', 'cooking', 'ready') and seconds is not null
        )
        select status, start, count(*)::int, percentile_cont(array[0.5, 0.9]) within group (order by seconds)
        from (
            select status, seconds,
                   to_timestamp(floor(extract(epoch from at) / {STAY_SECONDS}) * {STAY_SECONDS}) as start
            from ended
        ) as placed
        group by grouping sets ((status), (status, start))
        order by status, start nulls first",
        steps = steps(MOST_STAYS),
        since = since()
    )
}

fn workers() -> String {
    format!(
        "
        select name, type, coalesce({ALIVE}, false) as online, last_seen, coalesce(orders_processed, 0)
        from workers left join worker_sessions on worker_id = workers.id
        order by online desc, last_seen desc nulls last, name limit {MOST_WORKERS}"
    )
}

fn number(row: &Row, column: usize) -> Result<u32, DbError> {
    u32::try_from(row.try_get::<_, i32>(column)?).map_err(DbError::unexpected)
}

fn minute(row: &Row) -> Result<Minute, DbError> {
    Ok(Minute {
        start: row.try_get(0)?,
        placed: number(row, 1)?,
        ready: number(row, 2)?,
        cancelled: number(row, 3)?,
    })
}

fn of_type(row: &Row) -> Result<TypeFigures, DbError> {
    let order_type: &str = row.try_get(0)?;
    Ok(TypeFigures {
        order_type: order_type.parse().map_err(DbError::unexpected)?,
        waiting: number(row, 1)?,
        cooking: number(row, 2)?,
        oldest_waiting: row.try_get(3)?,
        cooks: number(row, 4)?,
    })
}

fn stay(row: &Row) -> Result<Stay, DbError> {
    let status: &str = row.try_get(0)?;
    let seconds: Vec<f64> = row.try_get(3)?;
    let duration = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(DbError::unexpected);
    let [median, p90] = seconds[..] else {
        return Err(DbError::unexpected("two percentiles were asked for"));
    };
    Ok(Stay {
        status: status.parse().map_err(DbError::unexpected)?,
        start: row.try_get(1)?,
        orders: number(row, 2)?,
        median: duration(median)?,
        p90: duration(p90)?,
    })
}

fn worker(row: &Row) -> Result<WorkerFigures, DbError> {
    Ok(WorkerFigures {
        name: row.try_get(0)?,
        specialisation: row.try_get(1)?,
        online: row.try_get(2)?,
        last_seen: row.try_get(3)?,
        orders_processed: row.try_get(4)?,
    })
}
