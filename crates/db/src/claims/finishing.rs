//! From `cooking` to `ready`.

use domain::{OrderStatus, StatusUpdate};
use time::OffsetDateTime;

use super::{Claimant, FinishOutcome, FinishRequest, LockMode};
use crate::database::{Database, DbError};
use crate::outbox::{StatusOutboxRow, due_after_grace};
use crate::traceparents;

/// Sets claimed orders to `ready`, counts them for the worker, and writes the status rows and the
/// outbox rows of the status updates.
///
/// Returns one outcome per request, in this order; `None` for an order that was
/// [skipped](LockMode::SkipLocked).
///
/// # Errors
/// The database failed. The orders may be `ready`. A second call then returns
/// [`FinishOutcome::ClaimLost`].
pub async fn finish(
    db: &Database,
    claimant: &Claimant,
    requests: &[FinishRequest],
    locked: LockMode,
) -> Result<Vec<Option<FinishOutcome>>, DbError> {
    let order_ids: Vec<i32> = requests.iter().map(|request| request.order_id).collect();
    let attempts: Vec<i32> = requests.iter().map(|request| request.attempt).collect();
    let request_ids: Vec<&str> = requests.iter().map(|request| request.request_id.as_str()).collect();
    let traces: Vec<Option<String>> =
        requests.iter().map(|request| traceparents::of(&request.request_id)).collect();
    let name = claimant.worker.as_str();
    let rows = db
        .query(
            &sql(locked),
            &[
                &order_ids,
                &attempts,
                &request_ids,
                &name,
                &claimant.token,
                &OrderStatus::Ready.predecessors(),
                &traces,
            ],
        )
        .await?;
    let outcomes = rows
        .iter()
        .zip(requests)
        .map(|(row, request)| {
            if row.try_get("locked")? {
                return Ok(None);
            }
            let Some(id) = row.try_get::<_, Option<i64>>("announced_id")? else {
                return Ok(Some(FinishOutcome::ClaimLost));
            };
            let changed_at: OffsetDateTime = row.try_get("changed_at")?;
            let update = StatusUpdate {
                order_number: request.number,
                old_status: OrderStatus::Cooking,
                new_status: OrderStatus::Ready,
                changed_by: name.to_owned(),
                timestamp: changed_at.into(),
                estimated_completion: None,
            };
            Ok(Some(FinishOutcome::Ready(StatusOutboxRow {
                id,
                request_id: request.request_id.clone(),
                update,
                is_old: false,
            })))
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    locked.complete(outcomes, requests.len())
}

fn sql(locked: LockMode) -> String {
    let (skip, due_at) = (locked.clause(), due_after_grace());
    // Both tables are searched by arrays of keys only, as for claiming. `token = $5` would allow a
    // search by token. Planned while `order_claims` is empty, that would read all claims of this
    // worker in each statement, deleted ones included. `unfinished` is computed first: joined with
    // the claims directly, it would compare each of them with each order. `cook` is counted only to
    // lock the worker's row first. If that row is missing, the order still becomes `ready`.
    format!(
        "
    with cooked as (
        select * from unnest($1::int[], $2::int[], $3::text[], $7::text[]) with ordinality
            as cooked (order_id, attempt, request_id, traceparent, place)
    ), cook as (
        select id from workers where name = $4 for update
    ), target as (
        select id, number, status from orders
        where id = any($1) and (select count(*) from cook) >= 0 order by id for update{skip}
    ), unfinished as materialized (
        select id, number, attempt, request_id, traceparent from target join cooked on order_id = id where status = any($6)
    ), released as (
        delete from order_claims as claim using unfinished
        where claim.order_id = any($1) and claim.order_id = unfinished.id
            and token is not distinct from $5 and claim.attempt = unfinished.attempt
        returning claim.order_id, number, request_id, traceparent
    ), done as (
        update orders set status = 'ready', completed_at = now(), updated_at = now()
        where id = any(array(select order_id from released))
    ), counted as (
        update workers set orders_processed = coalesce(orders_processed, 0) + finished
        from cook, (select count(*)::int as finished from released) as counting
        where workers.id = cook.id and finished > 0
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select order_id, 'ready', $4, now() from released order by order_id
    ), announced as (
        insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at,
                                   traceparent)
        select request_id, {due_at}, number, 'cooking', 'ready', $4, now(), traceparent from released order by order_id
        returning id, order_number
    )
    select announced.id as announced_id, now() as changed_at,
           target.id is null and exists (select 1 from orders where orders.id = cooked.order_id) as locked
    from cooked left join target on target.id = cooked.order_id left join announced on order_number = number
    order by place"
    )
}
