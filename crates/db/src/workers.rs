//! `workers`: who is on duty.

use std::time::Duration;

use domain::{OrderNumber, Specialisation};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use crate::claims::Claimant;
use crate::database::{Database, DbError, PoolChoice};

/// Whether a worker lives, of `workers` and its row of `worker_sessions`: it did not deregister,
/// and was seen within two of its heartbeat intervals. One that was seen in a time that has not
/// come was not: the clock was set back since. 30 s is the heartbeat's default (specification), for
/// rows that somebody else wrote.
pub(crate) const ALIVE: &str = "
    (workers.status = 'online' and workers.last_seen between
        now() - make_interval(secs => 2 * coalesce(worker_sessions.heartbeat_seconds, 30)) and
        now() + make_interval(secs => 2 * coalesce(worker_sessions.heartbeat_seconds, 30)))";

/// For `with`: `held (number)`, the orders whose messages live workers hold without cooking them,
/// as they last wrote it down.
pub(crate) fn held() -> String {
    format!(
        "held as materialized (
            select unnest(unclaimed) as number from worker_sessions join workers on worker_id = workers.id
            where {ALIVE}
        )"
    )
}

/// How a registration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The name is this process's now.
    Registered,
    /// A worker of that name is online, and was seen lately.
    NameTaken,
}

/// Takes a name: a new one, an offline one, or one whose worker has not been seen for two of its
/// heartbeat intervals. Of two processes that try at once, one gets it. Claims of a predecessor
/// end: it is certainly gone.
///
/// `holds_unclaimed`: whether the worker takes more messages than it cooks at once, and so
/// [writes down](hold) which.
///
/// A name that is taken because its worker was seen in a time that has not come counts as seen now:
/// it is free two intervals later, unless its worker lives.
///
/// # Errors
/// The database failed; registering again is harmless.
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

/// Says that the worker lives, and renews the leases of what it cooks: of these orders only, so
/// that a claim which this process has given up, or never heard of, runs out. Returns those it
/// still holds, or `None` if the name belongs to another process by now.
///
/// # Errors
/// The database failed: leases were not renewed, as far as is known.
pub async fn heartbeat(
    db: &Database,
    claimant: &Claimant,
    cooking: &[i32],
    lease: Duration,
) -> Result<Option<Vec<i32>>, DbError> {
    // The claims are searched by order, not by token: see `claims::finishing`. Both rows are locked
    // first: an update that waited for the row of `workers` alone would not see that the session
    // behind it has become another's meanwhile, or ended.
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
    // Those that live do so for those that do not.
    correct_last_seen(db).await?;
    rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Signs the worker off and ends its session: a sign of life that comes late changes nothing any
/// more. It cooks nothing: claims that it still has, perhaps without knowing, end.
///
/// # Errors
/// The database failed; the worker will be seen as offline two intervals after its last heartbeat.
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

/// Moves signs of life from a time that has not come to now: the database's clock was set
/// back. Whoever lives goes on giving them; the others count as dead two intervals from now,
/// not when that time has come.
///
/// # Errors
/// The database failed; once more is harmless.
pub async fn correct_last_seen(db: &Database) -> Result<(), DbError> {
    let sql = "
        with ahead as (
            select id from workers where last_seen > now() + interval '1 second' order by id for update skip locked
        )
        update workers set last_seen = now() from ahead where workers.id = ahead.id";
    db.query_on(PoolChoice::Reserved, sql, &[]).await.map(drop)
}

/// Writes down whose messages this worker holds without cooking them.
///
/// # Errors
/// The database failed; the list that is there may be an earlier one.
pub async fn hold(db: &Database, claimant: &Claimant, unclaimed: &[OrderNumber]) -> Result<(), DbError> {
    let sql = "
        update worker_sessions set unclaimed = $3 from workers
        where workers.name = $1 and worker_id = workers.id and token is not distinct from $2
          and unclaimed is distinct from $3";
    let numbers: Vec<String> = unclaimed.iter().map(ToString::to_string).collect();
    db.query(sql, &[&claimant.worker.as_str(), &claimant.token, &numbers]).await.map(drop)
}

/// Whether a live worker may hold messages without cooking them.
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

/// A worker as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Its name.
    pub name: String,
    /// Whether it registered, did not deregister, and was seen within two of its
    /// heartbeat intervals.
    pub online: bool,
    /// Orders it has made ready.
    pub orders_processed: i32,
    /// Its last sign of life.
    pub last_seen: Option<OffsetDateTime>,
}

/// All workers that ever registered, by name.
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
