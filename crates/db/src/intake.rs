//! `intake_pauses`: whether the staff takes orders, and how many orders wait for a cook.

use std::time::Duration;

use domain::{OrderIdentity, OrderType};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::{Database, DbError};
use crate::workers::ALIVE;

/// A pause of the intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What guests are told.
    pub message: String,
    /// Its end.
    pub until: OffsetDateTime,
    /// The time to its end, by the database's clock.
    pub left: Duration,
}

const PAUSE: &str = "message, paused_until, extract(epoch from paused_until - now())::float8";

/// Pauses the intake from now on. A pause that there is already is replaced.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn pause(db: &Database, lasting: Duration, message: &str) -> Result<Pause, DbError> {
    let sql = format!(
        "insert into intake_pauses (message, paused_at, paused_until)
         values ($1, now(), now() + make_interval(secs => $2))
         on conflict (single) do update set message = excluded.message, paused_at = excluded.paused_at,
                                            paused_until = excluded.paused_until
         returning {PAUSE}"
    );
    let row = db.query_opt(&sql, &[&message, &lasting.as_secs_f64()]).await?;
    read_pause(&row.ok_or_else(|| DbError::unexpected("the pause was not stored"))?)
}

/// Ends the pause, if there is one.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn resume(db: &Database) -> Result<(), DbError> {
    db.query("delete from intake_pauses", &[]).await.map(drop)
}

/// The present pause. One that began in the future is none: the clock was set back since, and the
/// pause would last for longer than anybody wanted.
///
/// # Errors
/// The database failed.
pub async fn current_pause(db: &Database) -> Result<Option<Pause>, DbError> {
    let sql = format!(
        "select {PAUSE} from intake_pauses
         where now() < paused_until and paused_at <= now() + interval '1 minute'"
    );
    db.query_opt(&sql, &[]).await?.as_ref().map(read_pause).transpose()
}

fn read_pause(row: &Row) -> Result<Pause, DbError> {
    let left = Duration::try_from_secs_f64(row.try_get(2)?).map_err(DbError::unexpected)?;
    Ok(Pause { message: row.try_get(0)?, until: row.try_get(1)?, left })
}

/// How many orders of each type wait for a cook.
///
/// # Errors
/// The database failed.
pub async fn waiting(db: &Database) -> Result<Vec<(OrderType, u64)>, DbError> {
    let sql =
        "select type, (select count(*) from orders where orders.type = types.type and status = 'received')
               from unnest($1::text[]) with ordinality as types (type, place) order by place";
    let types = OrderType::ALL.map(OrderType::as_str);
    let rows = db.query(sql, &[&types.as_slice()]).await?;
    OrderType::ALL.into_iter().zip(&rows).map(|(order_type, row)| Ok((order_type, count(row, 1)?))).collect()
}

/// What the kitchen has to do at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitchenLoad {
    /// One for each of [`OrderType::ALL`].
    pub types: Vec<TypeLoad>,
    /// Which of the orders that were asked about are counted in it, whatever their status.
    pub stored: Vec<OrderIdentity>,
}

/// What there is to do of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeLoad {
    /// The type.
    pub order_type: OrderType,
    /// The orders that wait, or `most` if there are more.
    pub waiting: u64,
    /// The live workers that cook it.
    pub cooks: u64,
}

/// The load of the kitchen. Counting stops at `most` orders of a type, so that a long queue costs
/// no more than a full one.
///
/// # Errors
/// The database failed.
pub async fn kitchen_load(db: &Database, most: u32, asked: &[OrderIdentity]) -> Result<KitchenLoad, DbError> {
    let sql = format!(
        "select types.type,
                (select count(*) from (select from orders where orders.type = types.type and status = 'received'
                                       limit $2) as first),
                (select count(*) from workers left join worker_sessions on worker_id = workers.id
                 where {ALIVE} and (workers.type = 'general' or types.type = any(string_to_array(workers.type, ',')))),
                array(select identity from order_identities where identity = any($3))
         from unnest($1::text[]) with ordinality as types (type, place) order by place"
    );
    let types = OrderType::ALL.map(OrderType::as_str);
    let asked: Vec<Uuid> = asked.iter().map(OrderIdentity::uuid).collect();
    let rows = db.query(&sql, &[&types.as_slice(), &i64::from(most), &asked]).await?;
    let stored: Vec<Uuid> = rows.first().map_or(Ok(Vec::new()), |row| row.try_get(3))?;
    let types = OrderType::ALL
        .into_iter()
        .zip(&rows)
        .map(|(order_type, row)| Ok(TypeLoad { order_type, waiting: count(row, 1)?, cooks: count(row, 2)? }));
    Ok(KitchenLoad {
        types: types.collect::<Result<_, DbError>>()?,
        stored: stored.into_iter().map(OrderIdentity::from).collect(),
    })
}

fn count(row: &Row, column: usize) -> Result<u64, DbError> {
    u64::try_from(row.try_get::<_, i64>(column)?).map_err(DbError::unexpected)
}
