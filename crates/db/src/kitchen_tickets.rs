//! What a kitchen display shows: the open orders with their lines, what was cancelled while it
//! cooked, and how long orders cook.

pub mod of_worker;

use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError};
use crate::recent::lowest_id;

/// Most open orders that are read.
pub const MOST: i64 = 1_000;
/// Most open orders of each type, the oldest ones, that are counted and put in order.
const MOST_OF_TYPE: i64 = 10_000;
/// Most cancelled ones.
const MOST_CANCELLED: i64 = 100;
/// Most rows of the log that are looked through.
const MOST_ROWS: i64 = 10_000;

/// An order as the kitchen sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number.
    pub number: String,
    /// Its type.
    pub order_type: String,
    /// `received`, `cooking` or `cancelled`.
    pub status: String,
    /// 1, 5 or 10, or more if it waited for long.
    pub priority: i32,
    /// Who ordered.
    pub customer_name: String,
    /// The table, of an order at a table.
    pub table_number: Option<i32>,
    /// Who cooks it.
    pub processed_by: Option<String>,
    /// When it was placed.
    pub created_at: OffsetDateTime,
    /// When its status changed.
    pub updated_at: OffsetDateTime,
    /// Its lines: name and pieces.
    pub items: Vec<(String, i32)>,
}

/// How much of an item is in open orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCount {
    /// Its name.
    pub name: String,
    /// Pieces in orders that wait.
    pub received: i64,
    /// Pieces in orders that cook.
    pub cooking: i64,
}

/// How long the orders of one type cooked in the last hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookingTime {
    /// The type.
    pub order_type: String,
    /// Orders that were finished.
    pub finished: i32,
    /// Half of them took less than this,
    pub median: Duration,
    /// and nine of ten less than this.
    pub p90: Duration,
}

/// The kitchen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kitchen {
    /// When it was read.
    pub as_of: OffsetDateTime,
    /// Open orders, in the order in which they are cooked: [`MOST`] of them at most.
    pub open_tickets: Vec<Ticket>,
    /// Those that were cancelled while they cooked, in the last ten minutes.
    pub cancelled_tickets: Vec<Ticket>,
    /// How many orders are open.
    pub open: i64,
    /// What is in all of them, by name.
    pub all_day: Vec<ItemCount>,
    /// How long orders cooked.
    pub cooking: Vec<CookingTime>,
}

/// Reads it, as of one moment.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Database) -> Result<Kitchen, DbError> {
    let statements = [OPEN, &open_tickets(), &cancelled_tickets(), &all_day(), &cooking()];
    let [state, open, cancelled, all_day, cooking] = db.query_one_moment(statements).await?;
    let state = state.first().ok_or_else(|| DbError::unexpected("the kitchen has no row"))?;
    Ok(Kitchen {
        as_of: state.try_get(0)?,
        open: state.try_get(1)?,
        open_tickets: open.iter().map(ticket).collect::<Result<_, _>>()?,
        cancelled_tickets: cancelled.iter().map(ticket).collect::<Result<_, _>>()?,
        all_day: all_day.iter().map(item_count).collect::<Result<_, _>>()?,
        cooking: cooking.iter().map(cooking_time).collect::<Result<_, _>>()?,
    })
}

const OPEN: &str = "
    select now(), count(*) from unnest(array['dine_in', 'takeout', 'delivery']) as of_type cross join lateral (
        select 1 from orders where type = of_type and status in ('received', 'cooking') limit 100000
    ) as open";

/// The open orders as the common table expression `queue`.
fn queue() -> String {
    format!(
        "queue as materialized (
            select waiting.* from unnest(array['dine_in', 'takeout', 'delivery']) as of_type cross join lateral (
                select id, status, coalesce(priority, 1) as priority, created_at from orders
                where type = of_type and status in ('received', 'cooking')
                order by created_at limit {MOST_OF_TYPE}
            ) as waiting
        )"
    )
}

/// The columns of `orders` that [`TICKETS`] needs, by name: the role that reads them has no right
/// to the others.
const OF_ORDERS: &str = "
    id, number, type, status, priority, customer_name, table_number, processed_by, created_at, updated_at";

/// The columns of a ticket, of `shown`, which has the columns of `orders`, with its lines.
const TICKETS: &str = "
    select number, type, coalesce(status, 'received'), coalesce(priority, 1), customer_name, table_number,
           processed_by, created_at, updated_at, names, quantities
    from shown cross join lateral (
        select coalesce(array_agg(name order by id), '{}') as names,
               coalesce(array_agg(quantity order by id), '{}') as quantities
        from order_items where order_id = shown.id
    ) as items
    order by coalesce(priority, 1) desc, created_at, id";

fn open_tickets() -> String {
    format!(
        "with {queue}, shown as (
            select known.* from (
                select id from queue order by priority desc, created_at, id limit {MOST}
            ) as foremost cross join lateral (
                select {OF_ORDERS} from orders where orders.id = foremost.id limit 1
            ) as known
        ) {TICKETS}",
        queue = queue()
    )
}

fn cancelled_tickets() -> String {
    let since = "(now() - interval '10 minutes')";
    format!(
        "
        with recursive {recent}, steps as (
            select order_id, status, changed_at, id from order_status_log
            where id >= (select id from recent) order by id desc limit {MOST_ROWS}
        ), cancelled as (
            select order_id from steps
            where status = 'cancelled' and changed_at > {since}
              and (select (array_agg(log.status order by log.id desc))[1] from order_status_log as log
                   where log.order_id = steps.order_id and log.id < steps.id) = 'cooking'
            order by id desc limit {MOST_CANCELLED}
        ), shown as (
            select gone.* from cancelled cross join lateral (
                select {OF_ORDERS} from orders where id = cancelled.order_id and status = 'cancelled' limit 1
            ) as gone
        ) {TICKETS}",
        recent = lowest_id("recent", "order_status_log", "changed_at", since)
    )
}

fn all_day() -> String {
    format!(
        "with {queue}
         select name, coalesce(sum(quantity) filter (where status = 'received'), 0)::bigint,
                coalesce(sum(quantity) filter (where status = 'cooking'), 0)::bigint
         from queue cross join lateral (
             select name, quantity from order_items where order_id = queue.id offset 0
         ) as items
         group by name order by name collate \"C\"",
        queue = queue()
    )
}

fn item_count(row: &Row) -> Result<ItemCount, DbError> {
    Ok(ItemCount { name: row.try_get(0)?, received: row.try_get(1)?, cooking: row.try_get(2)? })
}

fn ticket(row: &Row) -> Result<Ticket, DbError> {
    let names: Vec<String> = row.try_get(9)?;
    let quantities: Vec<i32> = row.try_get(10)?;
    Ok(Ticket {
        number: row.try_get(0)?,
        order_type: row.try_get(1)?,
        status: row.try_get(2)?,
        priority: row.try_get(3)?,
        customer_name: row.try_get(4)?,
        table_number: row.try_get(5)?,
        processed_by: row.try_get(6)?,
        created_at: row.try_get(7)?,
        updated_at: row.try_get(8)?,
        items: names.into_iter().zip(quantities).collect(),
    })
}

fn cooking() -> String {
    let since = "(now() - interval '1 hour')";
    format!(
        "
        with recursive {recent}, steps as (
            select order_id, status, changed_at, id from order_status_log
            where id >= (select id from recent) order by id desc limit {MOST_ROWS}
        ), cooked as (
            select known.type, extract(epoch from steps.changed_at - began.changed_at)::float8 as seconds
            from steps cross join lateral (
                select type from orders where id = steps.order_id limit 1
            ) as known cross join lateral (
                select max(changed_at) as changed_at from order_status_log as log
                where log.order_id = steps.order_id and log.id < steps.id and log.status = 'cooking'
            ) as began
            where steps.status = 'ready' and steps.changed_at > {since} and began.changed_at is not null
        )
        select type, count(*)::int,
               percentile_cont(array[0.5, 0.9]) within group (order by greatest(seconds, 0))
        from cooked group by type order by type",
        recent = lowest_id("recent", "order_status_log", "changed_at", since)
    )
}

fn cooking_time(row: &Row) -> Result<CookingTime, DbError> {
    let seconds: Vec<f64> = row.try_get(2)?;
    let duration = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(DbError::unexpected);
    let [median, p90] = seconds[..] else {
        return Err(DbError::unexpected("two percentiles were asked for"));
    };
    Ok(CookingTime {
        order_type: row.try_get(0)?,
        finished: row.try_get(1)?,
        median: duration(median)?,
        p90: duration(p90)?,
    })
}
