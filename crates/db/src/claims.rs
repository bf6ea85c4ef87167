//! Who cooks an order: claim, lease, and the end of cooking.
//!
//! Statements that lock rows of several tables take them in the order `workers`, `worker_sessions`, `orders`,
//! `order_claims`: two of them can wait for each other, but never in a circle.

use std::time::Duration;

use domain::{OrderNumber, OrderStatus, RequestId, StatusUpdate, WorkerName};
use time::OffsetDateTime;

use crate::database::{Database, DbError};
use crate::outbox::StatusOutboxRow;

/// The worker process that claims; its token tells it apart from predecessors of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The worker.
    pub worker: WorkerName,
    /// This process.
    pub token: i64,
}

/// What came of the wish to cook an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Cook it.
    Granted(Claim),
    /// Somebody alive cooks it; the lease runs for so long yet.
    Held {
        /// Time until the lease runs out if it is not renewed.
        remaining: Duration,
    },
    /// It needs no cooking (any more).
    Over(OrderStatus),
    /// There is no such order.
    Unknown,
}

/// The right to cook an order, as long as the lease is renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its row.
    pub order_id: i32,
    /// 1 for the first claim; more when an earlier cook was lost.
    pub attempt: i32,
    /// When it should be ready, by the database's clock.
    pub estimated_completion: OffsetDateTime,
    /// The announcement that cooking began: the first claim makes it; later ones find it if nobody was told yet.
    pub announcement: Option<StatusOutboxRow>,
}

/// Claims an order: from `received`, or from `cooking` if its lease has run out or the claim is this process's own.
/// The first claim sets it to `cooking`, writes the status row and the announcement's outbox row.
///
/// # Errors
/// The database failed: whether the claim was made is open; claiming again is harmless.
pub async fn claim(
    db: &Database,
    number: &OrderNumber,
    claimant: &Claimant,
    lease: Duration,
    cooking: Duration,
    request_id: &RequestId,
) -> Result<ClaimOutcome, DbError> {
    // The guard stands in ON CONFLICT: unlike a look at order_claims beforehand, it sees what committed meanwhile.
    let sql = "
        with target as (
            select id, number, status from orders where number = $1 for update
        ), granted as (
            insert into order_claims as claim (order_id, worker, token, attempt, lease_until, estimated_completion)
            select id, $2, $3, 1, now() + make_interval(secs => $4), now() + make_interval(secs => $5)
            from target where status = any($7) or status = 'cooking'
            on conflict (order_id) do update
                set worker = excluded.worker, token = excluded.token, attempt = claim.attempt + 1,
                    lease_until = excluded.lease_until, estimated_completion = excluded.estimated_completion
                where claim.lease_until <= now() or claim.token = excluded.token
            returning order_id, attempt, estimated_completion
        ), started as (
            update orders set status = 'cooking', processed_by = $2,
                updated_at = case target.status when 'received' then now() else updated_at end
            from granted join target on target.id = order_id where orders.id = order_id
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at)
            select order_id, 'cooking', $2, now() from granted join target on id = order_id where status = 'received'
        ), announced as (
            insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at,
                                       estimated_completion)
            select $6, number, 'received', 'cooking', $2, now(), estimated_completion
            from granted join target on id = order_id where status = 'received'
            returning id
        )
        select target.id, target.status, granted.attempt, granted.estimated_completion, now() as changed_at,
               announced.id as announced_id,
               (select extract(epoch from lease_until - now())::float8 from order_claims
                where order_claims.order_id = target.id) as remaining
        from target left join granted on true left join announced on true";
    let name = claimant.worker.as_str();
    let row = db
        .query_opt(
            sql,
            &[
                &number.to_string(),
                &name,
                &claimant.token,
                &lease.as_secs_f64(),
                &cooking.as_secs_f64(),
                &request_id.as_str(),
                &OrderStatus::Cooking.predecessors(),
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(ClaimOutcome::Unknown) };
    let status: OrderStatus = row.try_get::<_, &str>("status")?.parse().map_err(DbError::unexpected)?;
    let Some(attempt) = row.try_get::<_, Option<i32>>("attempt")? else {
        return Ok(match status {
            OrderStatus::Received | OrderStatus::Cooking => {
                let remaining = row.try_get::<_, Option<f64>>("remaining")?.unwrap_or(0.0).max(0.0);
                ClaimOutcome::Held { remaining: Duration::from_secs_f64(remaining) }
            }
            OrderStatus::Ready | OrderStatus::Completed | OrderStatus::Cancelled => {
                ClaimOutcome::Over(status)
            }
        });
    };
    let estimated_completion: OffsetDateTime = row.try_get("estimated_completion")?;
    let changed_at: OffsetDateTime = row.try_get("changed_at")?;
    let announced = row.try_get::<_, Option<i64>>("announced_id")?.map(|id| StatusOutboxRow {
        id,
        request_id: request_id.clone(),
        update: StatusUpdate {
            order_number: *number,
            old_status: OrderStatus::Received,
            new_status: OrderStatus::Cooking,
            changed_by: name.to_owned(),
            timestamp: changed_at.into(),
            estimated_completion: Some(estimated_completion.into()),
        },
    });
    let announcement = match announced {
        None => untold_start(db, number).await?,
        announced => announced,
    };
    Ok(ClaimOutcome::Granted(Claim {
        order_id: row.try_get("id")?,
        attempt,
        estimated_completion,
        announcement,
    }))
}

/// The announcement that an order's cooking began, if it is in the outbox still: the cook was lost before it told anybody.
async fn untold_start(db: &Database, number: &OrderNumber) -> Result<Option<StatusOutboxRow>, DbError> {
    let sql = "
        select id, request_id, changed_by, changed_at, estimated_completion
        from status_outbox where order_number = $1 and new_status = 'cooking'";
    let row = db.query_opt(sql, &[&number.to_string()]).await?;
    row.map(|row| {
        let request_id = RequestId::parse(row.try_get("request_id")?)
            .ok_or_else(|| DbError::unexpected("an announcement without a request id"))?;
        let estimated_completion: Option<OffsetDateTime> = row.try_get("estimated_completion")?;
        Ok(StatusOutboxRow {
            id: row.try_get("id")?,
            request_id,
            update: StatusUpdate {
                order_number: *number,
                old_status: OrderStatus::Received,
                new_status: OrderStatus::Cooking,
                changed_by: row.try_get("changed_by")?,
                timestamp: row.try_get::<_, OffsetDateTime>("changed_at")?.into(),
                estimated_completion: estimated_completion.map(Into::into),
            },
        })
    })
    .transpose()
}

/// Which of these orders this process still has a claim on.
///
/// # Errors
/// The database failed.
pub async fn held(db: &Database, claimant: &Claimant, order_ids: &[i32]) -> Result<Vec<i32>, DbError> {
    let sql = "select order_id from order_claims where order_id = any($1) and token = $2";
    let rows = db.query(sql, &[&order_ids, &claimant.token]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Sets a claimed order to `ready`, counts it for the worker, writes the status row and the announcement's outbox row.
/// Returns `None`, and changes nothing, if the claim is no longer this one: another worker took over, or the order was
/// cancelled.
///
/// # Errors
/// The database failed: whether the order is ready is open; asking again tells, with `None`, that it may be.
pub async fn finish(
    db: &Database,
    number: &OrderNumber,
    claimant: &Claimant,
    claim: &Claim,
    request_id: &RequestId,
) -> Result<Option<StatusOutboxRow>, DbError> {
    let sql = "
        with cook as (
            select id from workers where name = $2 for update
        ), target as (
            select orders.id, orders.number from orders, cook
            where orders.id = $1 and status = any($6) for update of orders
        ), released as (
            delete from order_claims using target
            where order_id = target.id and token = $3 and attempt = $4
            returning order_id, number
        ), done as (
            update orders set status = 'ready', completed_at = now(), updated_at = now()
            from released where id = order_id
        ), counted as (
            update workers set orders_processed = coalesce(orders_processed, 0) + 1
            from cook, released where workers.id = cook.id
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at)
            select order_id, 'ready', $2, now() from released
        )
        insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at)
        select $5, number, 'cooking', 'ready', $2, now() from released
        returning id, changed_at";
    let name = claimant.worker.as_str();
    let row = db
        .query_opt(
            sql,
            &[
                &claim.order_id,
                &name,
                &claimant.token,
                &claim.attempt,
                &request_id.as_str(),
                &OrderStatus::Ready.predecessors(),
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let changed_at: OffsetDateTime = row.try_get("changed_at")?;
    Ok(Some(StatusOutboxRow {
        id: row.try_get("id")?,
        request_id: request_id.clone(),
        update: StatusUpdate {
            order_number: *number,
            old_status: OrderStatus::Cooking,
            new_status: OrderStatus::Ready,
            changed_by: name.to_owned(),
            timestamp: changed_at.into(),
            estimated_completion: None,
        },
    }))
}
