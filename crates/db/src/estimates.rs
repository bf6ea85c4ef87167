//! What estimates are made of: how far an order is, and the pace of the kitchen.

use std::time::Duration;

use domain::estimate::Pace;
use domain::{OrderNumber, OrderStatus, OrderType};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;

/// How far back the pace is measured.
const WINDOW: &str = "interval '10 minutes'";
/// Most rows of the log that are looked through for it: in a busy kitchen the last minutes, or
/// seconds, are enough.
const MOST_ROWS: i64 = 2_000;
/// Most waiting orders of one type, the oldest ones, that are put in order.
const MOST_WAITING: i64 = 10_000;

/// An order, as its estimate needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// When the database looked.
    pub as_of: OffsetDateTime,
    /// The order's status.
    pub status: OrderStatus,
    /// Its type.
    pub order_type: OrderType,
    /// When its status changed.
    pub since: OffsetDateTime,
    /// Orders of its type that wait and go before it, of the oldest 10,000.
    pub ahead: u32,
    /// How fast its type was cooked lately. `None` if none of it was.
    pub pace: Option<Pace>,
}

/// Returns what the estimates of these orders are made of, in this order; `None` for an unknown
/// order.
///
/// # Errors
/// The database failed, or one row cannot be decoded; retry without it.
pub async fn bases(db: &Database, numbers: &[OrderNumber]) -> Result<Vec<Option<Basis>>, DbError> {
    // An order that is newer than all of the queue goes behind those of its priority and above.
    let since = format!("(now() - {WINDOW})");
    let sql = format!(
        "
        with recursive {recent}, steps as (
            select order_id, status, changed_at, id from order_status_log
            where id >= (select id from recent) order by id desc limit {MOST_ROWS}
        ), cooked as (
            select known.type, steps.changed_at as ready_at,
                   extract(epoch from steps.changed_at - began.changed_at)::float8 as seconds
            from steps cross join lateral (
                select type from orders where id = steps.order_id limit 1
            ) as known cross join lateral (
                select max(changed_at) as changed_at from order_status_log as log
                where log.order_id = steps.order_id and log.id < steps.id and log.status = 'cooking'
            ) as began
            where steps.status = 'ready' and steps.changed_at > {since} and began.changed_at is not null
        ), pace as (
            select type, count(*) as finished,
                   extract(epoch from now() - min(ready_at))::float8 as within,
                   percentile_cont(array[0.1, 0.5, 0.9]) within group (order by greatest(seconds, 0)) as cooking
            from cooked group by type
        ), asked as (
            select place, found.* from unnest($1::text[]) with ordinality as asked (wish, place)
            left join lateral (
                select id, type, coalesce(status, 'received') as status, updated_at,
                       coalesce(priority, 1) as priority
                from orders
                where number = wish limit 1
            ) as found on true
        ), queue as materialized (
            select oldest.*
            from (select distinct type as of_type from asked where status = 'received') as wanted
            cross join lateral (
                select id, type, coalesce(priority, 1) as priority, created_at from orders
                where orders.type = of_type and status = 'received' order by created_at limit {MOST_WAITING}
            ) as oldest
        ), waiting as (
            select id, row_number() over (partition by type order by priority desc, created_at, id) - 1 as ahead
            from queue
        ), levels as (
            select type, priority, count(*) as orders from queue group by type, priority
        )
        select asked.id is not null, now(), asked.status, asked.type, asked.updated_at,
               case when asked.status <> 'received' then 0
                    else coalesce(ahead, older.orders, 0) end::int,
               finished::int, within, cooking
        from asked left join waiting on waiting.id = asked.id left join pace on pace.type = asked.type
        left join lateral (
            select sum(levels.orders) as orders from levels
            where levels.type = asked.type and levels.priority >= asked.priority
        ) as older on true
        order by place",
        recent = lowest_id("recent", "order_status_log", "changed_at", &since)
    );
    let numbers: Vec<String> = numbers.iter().map(OrderNumber::to_string).collect();
    let rows = db.query(&sql, &[&numbers]).await?;
    rows.iter().map(basis).collect()
}

fn basis(row: &Row) -> Result<Option<Basis>, DbError> {
    if !row.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let status: &str = row.try_get(2)?;
    let order_type: &str = row.try_get(3)?;
    Ok(Some(Basis {
        as_of: row.try_get(1)?,
        status: status.parse().map_err(DbError::unexpected)?,
        order_type: order_type.parse().map_err(DbError::unexpected)?,
        since: row.try_get(4)?,
        ahead: u32::try_from(row.try_get::<_, i32>(5)?).map_err(DbError::unexpected)?,
        pace: pace(row)?,
    }))
}

fn pace(row: &Row) -> Result<Option<Pace>, DbError> {
    let (Some(finished), Some(within)) =
        (row.try_get::<_, Option<i32>>(6)?, row.try_get::<_, Option<f64>>(7)?)
    else {
        return Ok(None);
    };
    let cooking: Vec<f64> = row.try_get(8)?;
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).map_err(DbError::unexpected);
    let [quick, usual, slow] = cooking[..] else {
        return Err(DbError::unexpected("three percentiles were asked for"));
    };
    Ok(Some(Pace {
        finished: u32::try_from(finished).map_err(DbError::unexpected)?,
        within: seconds(within)?,
        quick: seconds(quick)?,
        usual: seconds(usual)?,
        slow: seconds(slow)?,
    }))
}
