//! `order_status_log`, read as a log: what comes after a position, and what an order has so far.
//!
//! Ids are given when a row is written, and seen when it is committed: a higher one may be there
//! before a lower one. So a reader asks for spans of ids, the gaps among them.

use domain::OrderNumber;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::database::{Database, DbError, PoolChoice};

/// A change of an order's status, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEvent {
    /// The row's id.
    pub id: i64,
    /// The order's number.
    pub order_number: OrderNumber,
    /// The new status.
    pub status: String,
    /// Who changed it.
    pub changed_by: String,
    /// When it changed.
    pub changed_at: OffsetDateTime,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Its id.
    pub id: i64,
    /// `None` if it belongs to no order, or has a value that cannot be read.
    pub event: Option<StatusEvent>,
}

/// What one look at the log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When the database looked.
    pub as_of: OffsetDateTime,
    /// The highest id of the log; `None` if the log is empty.
    pub newest: Option<i64>,
    /// The rows, by id.
    pub rows: Vec<LogRow>,
}

/// The columns of an event: of `log`, with the number of its order.
const COLUMNS: &str = "
    log.id::bigint as id, log.order_id, coalesce(log.status, '') as status, coalesce(log.changed_by, '') as changed_by,
    case when isfinite(log.changed_at) then log.changed_at else log.created_at end as changed_at";

/// Reads the rows whose ids are in these spans, `(lowest, highest)` each, by id. If there are more
/// than `limit`, it reads the first ones.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Database, spans: &[(i64, i64)], limit: i64) -> Result<Reading, DbError> {
    read_on(db, PoolChoice::Shared, spans, limit).await
}

/// As [`read`], on the reserved connection: who shows that the database answers must not wait until
/// others have been answered.
///
/// # Errors
/// The database failed.
pub async fn look(db: &Database, spans: &[(i64, i64)], limit: i64) -> Result<Reading, DbError> {
    read_on(db, PoolChoice::Reserved, spans, limit).await
}

async fn read_on(
    db: &Database,
    choice: PoolChoice,
    spans: &[(i64, i64)],
    limit: i64,
) -> Result<Reading, DbError> {
    // Each span and each order is looked up in its index, and nothing is joined: a plan made for
    // empty tables would read full ones. The first row is there without an event, too.
    let sql = format!(
        "
        select statement_timestamp(), (select max(id)::bigint from order_status_log),
               found.id, number, found.status, found.changed_by, found.changed_at
        from (values (1)) as one
        left join lateral (
            select piece.* from unnest($1::bigint[], $2::bigint[]) as span (lowest, highest)
            cross join lateral (
                select {COLUMNS} from order_status_log as log
                where log.id >= lowest and log.id <= highest order by log.id limit $3
            ) as piece
            order by piece.id limit $3
        ) as found on true
        left join lateral (select number from orders where orders.id = found.order_id limit 1) as known on true
        order by found.id"
    );
    let (lowest, highest): (Vec<i64>, Vec<i64>) = spans.iter().copied().unzip();
    let rows = db.query_on(choice, &sql, &[&lowest, &highest, &limit]).await?;
    let first = rows.first().ok_or_else(|| DbError::unexpected("a look at the log returned nothing"))?;
    let (as_of, newest) = (first.try_get(0)?, first.try_get(1)?);
    let rows = rows.iter().filter_map(|row| log_row(row).transpose()).collect::<Result<_, _>>()?;
    Ok(Reading { as_of, newest, rows })
}

/// `None` if there is no row, but only the time.
fn log_row(row: &Row) -> Result<Option<LogRow>, DbError> {
    let Some(id) = row.try_get(2)? else { return Ok(None) };
    Ok(Some(LogRow { id, event: event(row, id).ok() }))
}

/// The columns from the third one on, and the id before them.
fn event(row: &Row, id: i64) -> Result<StatusEvent, DbError> {
    let order_number: &str = row.try_get(3)?;
    Ok(StatusEvent {
        id,
        order_number: order_number.parse().map_err(DbError::unexpected)?,
        status: row.try_get(4)?,
        changed_by: row.try_get(5)?,
        changed_at: row.try_get(6)?,
    })
}

/// The newest ids of the log, so many at most, the lowest first. On the reserved connection, as
/// [`look`].
///
/// # Errors
/// The database failed.
pub async fn newest_ids(db: &Database, count: i64) -> Result<Vec<i64>, DbError> {
    // Ordered by the column: the value that is returned, a cast, has no index.
    let sql = "select log.id::bigint from order_status_log as log order by log.id desc limit $1";
    let rows = db.query_on(PoolChoice::Reserved, sql, &[&count]).await?;
    rows.iter().rev().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Returns what the log has of these orders, by id, in the order of the numbers; `None` for an
/// unknown order.
///
/// # Errors
/// The database failed, or one row cannot be decoded; retry without it.
pub async fn of_orders(
    db: &Database,
    numbers: &[OrderNumber],
) -> Result<Vec<Option<Vec<StatusEvent>>>, DbError> {
    // The rows of an order are looked up by its id (`offset 0`): a join might read the whole index.
    // In order already, they might be found by their own ids.
    let sql = format!(
        "
        select place, known.id is not null, found.id, number, found.status, found.changed_by, found.changed_at
        from unnest($1::text[]) with ordinality as asked (wish, place)
        left join lateral (select id, number from orders where number = wish limit 1) as known on true
        left join lateral (
            select {COLUMNS} from order_status_log as log where log.order_id = known.id offset 0
        ) as found on true
        order by place, found.id"
    );
    let numbers: Vec<String> = numbers.iter().map(OrderNumber::to_string).collect();
    let rows = db.query(&sql, &[&numbers]).await?;
    let mut logs = vec![None; numbers.len()];
    for row in &rows {
        let place = usize::try_from(row.try_get::<_, i64>(0)? - 1).map_err(DbError::unexpected)?;
        let log = logs.get_mut(place).ok_or_else(|| DbError::unexpected("an order that nobody asked for"))?;
        if !row.try_get::<_, bool>(1)? {
            continue;
        }
        let log = log.get_or_insert_with(Vec::new);
        if let Some(id) = row.try_get(2)? {
            log.push(event(row, id)?);
        }
    }
    Ok(logs)
}
