//! `workers`: registration, heartbeats, held messages.

use std::time::Duration;

use domain::{OrderNumber, Specialisation};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use crate::claims::Claimant;
use crate::database::{Database, DbError, PoolChoice};

/// Whether a worker is alive, from `workers` and its row of `worker_sessions`: it did not go
/// offline, and its last heartbeat is at most two intervals old. A heartbeat in the future does not
/// count: the clock was set back since. 30 s is the default interval (specification), for rows
/// written by other programs.
pub(crate) const ALIVE: &str = "
    (workers.status = 'online' and workers.last_seen between
        now() - make_interval(secs => 2 * coalesce(worker_sessions.heartbeat_seconds, 30)) and
        now() + make_interval(secs => 2 * coalesce(worker_sessions.heartbeat_seconds, 30)))";

/// For `with`: `held (number)`, the orders whose messages live workers reported as held and not
/// cooking.
pub(crate) fn held() -> String {
    format!(
        "held as materialized (
            select unnest(unclaimed) as number from worker_sessions join workers on worker_id = workers.id
            where {ALIVE}
        )"
    )
}

/// The result of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The name belongs to this process.
    Registered,
    /// An online worker with a recent heartbeat has this name.
    NameTaken,
}

/// Registers a name: a new one, an offline one, or one without a heartbeat for two of its
/// intervals. Of two concurrent processes, one gets it. The claims of a predecessor end, because it
/// is certainly gone.
///
/// `holds_unclaimed`: the worker's prefetch exceeds its concurrency, so it [reports](hold) which
/// messages it holds.
///
/// A heartbeat in the future is set to now. Such a name is free two intervals later, unless its
/// worker is alive.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn register(
    db: &Database,
    claimant: &Claimant,
    specialisation: &Specialisation,
    heartbeat: Duration,
    holds_unclaimed: bool,
) -> Result<Registration, DbError> {
    let sql = "
        with registered as (
            insert into workers as worker (name, type, status, last_seen) values ($1, $2, 'online', now())
            on conflict (name) do update set type = excluded.type, status = 'online', last_seen = now()
                where worker.status is distinct from 'online'
                   or worker.last_seen < now() - make_interval(secs => 2 * coalesce(
                          (select heartbeat_seconds from worker_sessions where worker_id = worker.id), $4::int))
                   or (select token from worker_sessions where worker_id = worker.id) = $3
            returning id
        ), session as (
            insert into worker_sessions as session (worker_id, token, heartbeat_seconds, unclaimed)
            select id, $3, $4, case when $5 then '{}'::text[] end from registered
            on conflict (worker_id) do update
                set token = excluded.token, heartbeat_seconds = excluded.heartbeat_seconds, unclaimed = excluded.unclaimed
        ), predecessors as (
            select order_id from order_claims, registered
            where worker = $1 and token <> $3 and lease_until > now()
            order by order_id for update of order_claims
        ), freed as (
            update order_claims set lease_until = now() from predecessors
            where order_claims.order_id = predecessors.order_id
        )
        select id from registered";
    let seconds = i32::try_from(heartbeat.as_secs()).map_err(DbError::unexpected)?;
    let row = db
        .query_opt(
            sql,
            &[
                &claimant.worker.as_str(),
                &specialisation.to_string(),
                &claimant.token,
                &seconds,
                &holds_unclaimed,
            ],
        )
        .await?;
    if row.is_some() {
        return Ok(Registration::Registered);
    }
    correct_last_seen(db).await?;
    Ok(Registration::NameTaken)
}

/// Writes a heartbeat, and renews the leases of these orders only. So a claim that this process
/// gave up, or never heard of, expires. Returns the orders that it still holds, or `None` if
/// another process has the name.
///
/// # Errors
/// The database failed. No lease was renewed, as far as is known.
pub async fn heartbeat(
    db: &Database,
    claimant: &Claimant,
    cooking: &[i32],
    lease: Duration,
) -> Result<Option<Vec<i32>>, DbError> {
    // Claims are searched by order, not by token: see `claims::finishing`. Both rows are locked
    // first. An update that waited only for the row of `workers` would miss that its session was
    // replaced or ended meanwhile.
    let sql = "
        with worker as (
            select id from workers where name = $1 for update
        ), session as (
            select worker_id from worker_sessions join worker on worker_id = worker.id
            where token = $2 for update of worker_sessions
        ), beat as (
            update workers set last_seen = now(), status = 'online'
            from session where id = worker_id
            returning id
        ), claimed as (
            select order_id from order_claims, beat where token is not distinct from $2 and order_id = any($4)
            order by order_id for update of order_claims
        ), renewed as (
            update order_claims set lease_until = now() + make_interval(secs => $3), lease_seconds = $3 from claimed
            where order_claims.order_id = claimed.order_id
            returning claimed.order_id
        )
        select array(select order_id from renewed) from beat";
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&claimant.worker.as_str(), &claimant.token, &lease.as_secs_f64(), &cooking];
    let rows = db.query_on(PoolChoice::Reserved, sql, &parameters).await?;
    // Live workers do it for lost ones.
    correct_last_seen(db).await?;
    rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Marks the worker offline and ends its session, so that a late heartbeat has no effect. Its
/// remaining claims end too, those it does not know of included.
///
/// # Errors
/// The database failed. The worker will count as offline two intervals after its last heartbeat.
pub async fn go_offline(db: &Database, claimant: &Claimant) -> Result<(), DbError> {
    let sql = "
        with worker as (
            select id from workers where name = $1 for update
        ), session as (
            delete from worker_sessions using worker
            where worker_id = worker.id and token = $2
            returning worker_id
        ), gone as (
            update workers set status = 'offline', last_seen = now()
            from session where id = worker_id
        ), claimed as (
            select order_id from order_claims, session where token = $2 and lease_until > now()
            order by order_id for update of order_claims
        )
        update order_claims set lease_until = now() from claimed where order_claims.order_id = claimed.order_id";
    db.query_on(PoolChoice::Reserved, sql, &[&claimant.worker.as_str(), &claimant.token]).await.map(drop)
}

/// Sets heartbeats in the future to now: the database's clock was set back. Live workers send new
/// ones. The others count as dead two intervals from now, not when that time has come.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn correct_last_seen(db: &Database) -> Result<(), DbError> {
    let sql = "
        with ahead as (
            select id from workers where last_seen > now() + interval '1 second' order by id for update skip locked
        )
        update workers set last_seen = now() from ahead where workers.id = ahead.id";
    db.query_on(PoolChoice::Reserved, sql, &[]).await.map(drop)
}

/// Reports which messages this worker holds without cooking them.
///
/// # Errors
/// The database failed. An earlier report may remain.
pub async fn hold(db: &Database, claimant: &Claimant, unclaimed: &[OrderNumber]) -> Result<(), DbError> {
    let sql = "
        update worker_sessions set unclaimed = $3 from workers
        where workers.name = $1 and worker_id = workers.id and token is not distinct from $2
          and unclaimed is distinct from $3";
    let numbers: Vec<String> = unclaimed.iter().map(ToString::to_string).collect();
    db.query(sql, &[&claimant.worker.as_str(), &claimant.token, &numbers]).await.map(drop)
}

/// Whether any live worker may hold messages without cooking them.
///
/// # Errors
/// The database failed.
pub async fn any_may_hold(db: &Database) -> Result<bool, DbError> {
    let sql = format!(
        "select exists (select 1 from worker_sessions join workers on worker_id = workers.id
                        where unclaimed is not null and {ALIVE})"
    );
    let row = db.query_opt(&sql, &[]).await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

/// A worker, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Its name.
    pub name: String,
    /// Whether it is registered and not offline, with a heartbeat within two intervals.
    pub online: bool,
    /// The orders that it finished.
    pub orders_processed: i32,
    /// Its last heartbeat.
    pub last_seen: Option<OffsetDateTime>,
}

/// Returns all workers that ever registered, by name.
///
/// # Errors
/// The database failed.
pub async fn all(db: &Database) -> Result<Vec<WorkerView>, DbError> {
    let sql = format!(
        "select name, coalesce(orders_processed, 0), last_seen, coalesce({ALIVE}, false)
         from workers left join worker_sessions on worker_id = workers.id
         order by name"
    );
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(WorkerView {
                name: row.try_get(0)?,
                orders_processed: row.try_get(1)?,
                last_seen: row.try_get(2)?,
                online: row.try_get(3)?,
            })
        })
        .collect()
}
