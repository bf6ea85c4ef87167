//! From `ready` back to `cooking`: whoever finished an order takes it up again.

use std::time::Duration;

use domain::order_status::{RECALL_NOTE, RECALL_WINDOW};
use domain::{OrderNumber, OrderStatus, StatusUpdate};
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::claiming::unpublished_starts;
use super::{Claim, Claimant, RecallOutcome, RecallRefusal, RecallRequest};
use crate::database::{Database, DbError};
use crate::outbox::{StatusOutboxRow, due_after_grace};
use crate::traceparents;

/// Takes an order that this worker finished within [`RECALL_WINDOW`] back to `cooking`, claims it
/// again, and takes it off the worker's count. Writes the status row, with [`RECALL_NOTE`] as its
/// note, and the outbox row of the status update, which is due at once if earlier changes of the
/// order wait there. The order keeps its age and its priority.
///
/// Repeated by the same process after a lost answer, it grants the claim that the first attempt
/// made.
///
/// # Errors
/// The database failed. The claim may have been made. It can be repeated.
pub async fn recall(
    db: &Database,
    claimant: &Claimant,
    lease: Duration,
    request: &RecallRequest,
) -> Result<RecallOutcome, DbError> {
    let name = claimant.worker.as_str();
    let (from, _) = OrderStatus::RECALL;
    let row = db
        .query_opt(
            &sql(),
            &[
                &request.number.to_string(),
                &name,
                &claimant.token,
                &lease.as_secs_f64(),
                &request.cooking.as_secs_f64(),
                &request.request_id.as_str(),
                &from.as_str(),
                &RECALL_WINDOW.as_secs_f64(),
                &RECALL_NOTE,
                &traceparents::of(&request.request_id),
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(RecallOutcome::Unknown) };
    let Some(attempt) = row.try_get::<_, Option<i32>>("attempt")? else {
        return refusal(&row, name).map(RecallOutcome::Refused);
    };
    let estimated_completion: OffsetDateTime = row.try_get("estimated_completion")?;
    let announced = match row.try_get::<_, Option<i64>>("announced_id")? {
        Some(id) => {
            let update = update(request.number, name, row.try_get("changed_at")?, estimated_completion);
            let request_id = request.request_id.clone();
            Some((StatusOutboxRow { id, request_id, update, is_old: false }, row.try_get("waits")?))
        }
        None => unpublished_starts(db, &[request.number]).await?.remove(&request.number),
    };
    let (status_update, is_left_to_relay) =
        announced.map_or((None, false), |(update, waits)| (Some(update), waits));
    Ok(RecallOutcome::Granted(Claim {
        order_id: row.try_get("id")?,
        attempt,
        since_received: None,
        estimated_completion,
        status_update,
        is_left_to_relay,
    }))
}

fn update(
    number: OrderNumber,
    worker: &str,
    changed_at: OffsetDateTime,
    estimated_completion: OffsetDateTime,
) -> StatusUpdate {
    let (old_status, new_status) = OrderStatus::RECALL;
    StatusUpdate {
        order_number: number,
        old_status,
        new_status,
        changed_by: worker.to_owned(),
        timestamp: changed_at.into(),
        estimated_completion: Some(estimated_completion.into()),
    }
}

fn refusal(row: &Row, worker: &str) -> Result<RecallRefusal, DbError> {
    let stored: &str = row.try_get::<_, Option<&str>>("status")?.unwrap_or("null");
    let processed_by: Option<&str> = row.try_get("processed_by")?;
    Ok(match stored.parse::<OrderStatus>() {
        Err(_) => RecallRefusal::Unreadable(stored.to_owned()),
        Ok(OrderStatus::Ready) if processed_by != Some(worker) => RecallRefusal::OfAnother,
        Ok(OrderStatus::Ready) => RecallRefusal::TooLate,
        Ok(status) => RecallRefusal::Elsewhere(status),
    })
}

fn sql() -> String {
    let due_at = due_after_grace();
    // `worker` is counted only to lock its row first, as for finishing. The claim of an earlier
    // cook of this order had another attempt: what is left of that cook's report must not finish
    // it. An order that waits for its courier is not `ready` by the hand of another worker, so
    // `processed_by` says who finished it.
    format!(
        "
    with worker as (
        select id from workers where name = $2 for update
    ), target as (
        select id, number, status, processed_by, completed_at from orders
        where number = $1 and (select count(*) from worker) >= 0 for update
    ), earlier as (
        select exists (select 1 from status_outbox where order_number = $1) as waits
    ), granted as (
        insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion, lease_seconds)
        select id, $2, $3, 1 + (select count(*)::int from order_status_log as log where log.order_id = target.id),
               now() + make_interval(secs => $4), now() + make_interval(secs => $5), $4
        from target
        where status = $7 and processed_by = $2 and completed_at > now() - make_interval(secs => $8)
        on conflict (order_id) do nothing
        returning order_id, attempt, estimated_completion
    ), recalled as (
        update orders set status = 'cooking', completed_at = null, updated_at = now()
        from granted where id = order_id
    ), counted as (
        update workers set orders_processed = greatest(coalesce(orders_processed, 0) - 1, 0)
        from worker, granted where workers.id = worker.id
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at, notes)
        select order_id, 'cooking', $2, now(), $9 from granted
    ), announced as (
        insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at,
                                   estimated_completion, traceparent)
        select $6, case when waits then now() else {due_at} end, number, $7, 'cooking', $2, now(), estimated_completion,
               $10::text
        from granted join target on id = order_id cross join earlier
        returning id
    ), repeated as (
        select order_id, attempt, estimated_completion from order_claims join target on id = order_id
        where status = 'cooking' and token is not distinct from $3
    )
    select id, status, processed_by, claim.attempt, claim.estimated_completion, now() as changed_at,
           (select announced.id from announced) as announced_id, (select waits from earlier) as waits
    from target left join (select * from granted union all select * from repeated) as claim on order_id = id"
    )
}
