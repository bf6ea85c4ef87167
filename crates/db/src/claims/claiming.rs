//! From `received` to `cooking`.

use std::collections::HashMap;
use std::time::Duration;

use domain::{OrderIdentity, OrderNumber, OrderStatus, OrderType, RequestId, StatusUpdate};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Claim, ClaimOutcome, ClaimRequest, Claimant, LockMode, Mismatch, correct_leases};
use crate::database::{Database, DbError};
use crate::held_orders::not_held;
use crate::outbox::{OLD, StatusOutboxRow, due_after_grace};
use crate::traceparents;

/// Claims orders: each from `received`, or from `cooking` if its lease has expired or the claim
/// belongs to this process. Compares each message with its order's rows first. The first claim of
/// an order sets it to `cooking`, and writes the status row and the outbox row of the status
/// update.
///
/// Returns one outcome per request, in this order; `None` for an order that was
/// [skipped](LockMode::SkipLocked). No order may be given twice.
///
/// # Errors
/// The database failed. The claims may have been made. It can be repeated.
pub async fn claim(
    db: &Database,
    claimant: &Claimant,
    lease: Duration,
    requests: &[ClaimRequest],
    locked: LockMode,
) -> Result<Vec<Option<ClaimOutcome>>, DbError> {
    let numbers: Vec<String> = requests.iter().map(|request| request.order.number.to_string()).collect();
    let cooking: Vec<f64> = requests.iter().map(|request| request.cooking.as_secs_f64()).collect();
    let request_ids: Vec<&str> = requests.iter().map(|request| request.request_id.as_str()).collect();
    let identities: Vec<Option<Uuid>> =
        requests.iter().map(|request| request.order.identity.as_ref().map(OrderIdentity::uuid)).collect();
    let types: Vec<&str> = requests.iter().map(|request| request.order.order_type.as_str()).collect();
    let traces: Vec<Option<String>> =
        requests.iter().map(|request| traceparents::of(&request.request_id)).collect();
    let contents: Vec<&[u8]> = requests.iter().map(|request| request.order.contents.as_bytes()).collect();
    let name = claimant.worker.as_str();
    let rows = db
        .query(
            &sql(locked),
            &[
                &numbers,
                &cooking,
                &request_ids,
                &name,
                &claimant.token,
                &lease.as_secs_f64(),
                &OrderStatus::Cooking.predecessors(),
                &identities,
                &types,
                &contents,
                &traces,
            ],
        )
        .await?;
    // The clock was set back since. After this, the next attempt finds a shorter lease.
    let too_long = rows.iter().any(|row| matches!(row.try_get("too_long"), Ok(Some(true))));
    if too_long {
        correct_leases(db).await?;
    }
    let mut outcomes = rows
        .iter()
        .zip(requests)
        .map(|(row, request)| outcome(row, request, name))
        .collect::<Result<Vec<_>, DbError>>()?;
    let unpublished: Vec<OrderNumber> = outcomes
        .iter()
        .zip(requests)
        .filter(|(outcome, _)| {
            matches!(outcome, Some(ClaimOutcome::Granted(Claim { status_update: None, .. })))
        })
        .map(|(_, request)| request.order.number)
        .collect();
    if !unpublished.is_empty() {
        let mut starts = unpublished_starts(db, &unpublished).await?;
        for (outcome, request) in outcomes.iter_mut().zip(requests) {
            if let Some(ClaimOutcome::Granted(claim)) = outcome
                && claim.status_update.is_none()
            {
                (claim.status_update, claim.is_left_to_relay) = starts
                    .remove(&request.order.number)
                    .map_or((None, false), |(start, waits)| (Some(start), waits));
            }
        }
    }
    locked.complete(outcomes, requests.len())
}

/// Total and lines of a row of `found`, in the format of `domain::OrderPointer`.
const CONTENTS: &str = "
    total_amount || coalesce((
        select string_agg(' ' || quantity || 'x' || price || ' ' || length(name) || ':' || name, '' order by item.id)
        from order_items as item where item.order_id = found.id), '')";

fn sql(locked: LockMode) -> String {
    let (skip, due_at, not_held) = (locked.clause(), due_after_grace(), not_held("target.id"));
    // ON CONFLICT guards the claim: unlike an earlier look at order_claims, it sees concurrent
    // commits. `orders` is searched by arrays of keys only. A join with `granted`, planned before
    // the number of orders is known, would compare each with each. So would a plan that expects
    // almost no match. Therefore `fits` is a boolean column: the planner expects it to be true in
    // half of the rows, but a null in one of two hundred.
    format!(
        "
    with wish as (
        select * from unnest($1::text[], $2::float8[], $3::text[], $8::uuid[], $9::text[], $10::bytea[],
                             $11::text[])
            with ordinality as wish (number, cooking, request_id, identity, type, contents, traceparent, place)
    ), found as (
        select id, number, status, type, total_amount, created_at from orders where number = any($1) order by id for update{skip}
    ), compared as (
        select id, number, status, wish.cooking, wish.request_id, wish.traceparent, found.type, found.created_at,
               case when wish.type = found.type and (
                             select known.identity = wish.identity and known.contents = wish.contents
                             from order_identities as known where known.order_id = id) then null
                    when wish.identity is not null and id is distinct from (
                             select order_id from order_identities as known where known.identity = wish.identity)
                        then 'identity'
                    when wish.type <> found.type then 'type'
                    when wish.contents <> sha256(convert_to({CONTENTS}, 'UTF8')) then 'contents'
               end as mismatch
        from found join wish using (number)
    ), target as (
        select *, mismatch is null as fits from compared
    ), granted as (
        insert into order_claims as claim (order_id, worker, token, attempt, lease_until, estimated_completion,
                                           lease_seconds)
        select id, $4, $5, 1, now() + make_interval(secs => $6), now() + make_interval(secs => cooking), $6
        from target where fits and (status = any($7) or status = 'cooking') and {not_held} order by id
        on conflict (order_id) do update
            set worker = excluded.worker, token = excluded.token, attempt = claim.attempt + 1,
                lease_until = excluded.lease_until, estimated_completion = excluded.estimated_completion,
                lease_seconds = excluded.lease_seconds
            where claim.lease_until <= now() or claim.token = excluded.token
        returning order_id, attempt, estimated_completion
    ), started as (
        update orders set status = 'cooking', processed_by = $4,
            updated_at = case status when 'received' then now() else updated_at end
        where id = any(array(select order_id from granted))
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select order_id, 'cooking', $4, now() from granted join target on id = order_id
        where status = 'received' order by id
    ), announced as (
        insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at,
                                   estimated_completion, traceparent)
        select request_id, {due_at}, number, 'received', 'cooking', $4, now(), estimated_completion, traceparent
        from granted join target on id = order_id where status = 'received' order by id
        returning id, order_number
    )
    select target.id, target.status, mismatch, target.type, attempt, estimated_completion, now() as changed_at, announced.id as announced_id,
           case when attempt is null then
               (select (extract(epoch from lease_until) - extract(epoch from now()))::float8 from order_claims
                where order_id = target.id)
           end as remaining,
           case when attempt is null then
               (select lease_until > now() + make_interval(secs => lease_seconds + 1) from order_claims
                where order_id = target.id)
           end as too_long,
           extract(epoch from now() - target.created_at)::float8 as age,
           target.id is null and exists (select 1 from orders where number = wish.number) as locked,
           attempt is null and not ({not_held}) as on_hold
    from wish left join target using (number) left join granted on order_id = target.id
        left join announced on order_number = wish.number
    order by place"
    )
}

fn outcome(row: &Row, request: &ClaimRequest, worker: &str) -> Result<Option<ClaimOutcome>, DbError> {
    if row.try_get("locked")? {
        return Ok(None);
    }
    let Some(order_id) = row.try_get::<_, Option<i32>>("id")? else { return Ok(Some(ClaimOutcome::Unknown)) };
    let stored = row.try_get::<_, Option<&str>>("status")?.unwrap_or("null");
    // Only this order is affected, and no claim was granted.
    let Ok(status) = stored.parse::<OrderStatus>() else {
        return Ok(Some(ClaimOutcome::Unreadable(stored.to_owned())));
    };
    if let Some(what) = row.try_get::<_, Option<&str>>("mismatch")? {
        return mismatch(what, row).map(ClaimOutcome::Mismatch).map(Some);
    }
    let Some(attempt) = row.try_get::<_, Option<i32>>("attempt")? else {
        return Ok(Some(match status {
            OrderStatus::Received | OrderStatus::Cooking if row.try_get("on_hold")? => ClaimOutcome::OnHold,
            OrderStatus::Received | OrderStatus::Cooking => {
                let remaining = row.try_get::<_, Option<f64>>("remaining")?.unwrap_or(0.0).max(0.0);
                // A lease that was edited by hand may end at `infinity`.
                ClaimOutcome::Held {
                    remaining: Duration::try_from_secs_f64(remaining).unwrap_or(Duration::MAX),
                }
            }
            OrderStatus::Ready | OrderStatus::Completed | OrderStatus::Cancelled => {
                ClaimOutcome::Over(status)
            }
        }));
    };
    let estimated_completion: OffsetDateTime = row.try_get("estimated_completion")?;
    let changed_at: OffsetDateTime = row.try_get("changed_at")?;
    // Negative if the clock was set back since.
    let age: f64 = row.try_get("age")?;
    let status_update = row.try_get::<_, Option<i64>>("announced_id")?.map(|id| StatusOutboxRow {
        id,
        request_id: request.request_id.clone(),
        update: StatusUpdate {
            order_number: request.order.number,
            old_status: OrderStatus::Received,
            new_status: OrderStatus::Cooking,
            changed_by: worker.to_owned(),
            timestamp: changed_at.into(),
            estimated_completion: Some(estimated_completion.into()),
        },
        is_old: false,
    });
    Ok(Some(ClaimOutcome::Granted(Claim {
        order_id,
        attempt,
        since_received: Some(Duration::try_from_secs_f64(age).unwrap_or_default()),
        estimated_completion,
        status_update,
        is_left_to_relay: false,
    })))
}

fn mismatch(what: &str, row: &Row) -> Result<Mismatch, DbError> {
    match what {
        "identity" => Ok(Mismatch::Identity),
        "type" => {
            let order_type: OrderType =
                row.try_get::<_, &str>("type")?.parse().map_err(DbError::unexpected)?;
            Ok(Mismatch::Type(order_type))
        }
        _ => Ok(Mismatch::Contents),
    }
}

/// Returns the status updates of these orders' claims that are still in the outbox: an earlier
/// worker was lost before it published them. Of several, the last one: of a recall. Each with
/// whether earlier changes of its order are there too.
pub(super) async fn unpublished_starts(
    db: &Database,
    numbers: &[OrderNumber],
) -> Result<HashMap<OrderNumber, (StatusOutboxRow, bool)>, DbError> {
    let sql = "
        select id, request_id, order_number, old_status, changed_by, changed_at, estimated_completion, traceparent,
               changed_at < now() - make_interval(secs => $2) as is_old,
               exists (select 1 from status_outbox as older
                       where older.order_number = start.order_number and older.id + 0 < start.id) as waits
        from status_outbox as start where order_number = any($1) and new_status = 'cooking' order by id";
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let rows = db.query(sql, &[&numbers, &OLD.as_secs_f64()]).await?;
    rows.iter()
        .map(|row| {
            let number: OrderNumber =
                row.try_get::<_, &str>("order_number")?.parse().map_err(DbError::unexpected)?;
            let request_id = RequestId::parse(row.try_get("request_id")?)
                .ok_or_else(|| DbError::unexpected("an announcement without a request id"))?
                .with_trace(traceparents::read(row)?);
            let estimated_completion: Option<OffsetDateTime> = row.try_get("estimated_completion")?;
            let update = StatusUpdate {
                order_number: number,
                old_status: row.try_get::<_, &str>("old_status")?.parse().map_err(DbError::unexpected)?,
                new_status: OrderStatus::Cooking,
                changed_by: row.try_get("changed_by")?,
                timestamp: row.try_get::<_, OffsetDateTime>("changed_at")?.into(),
                estimated_completion: estimated_completion.map(Into::into),
            };
            let is_old = row.try_get("is_old")?;
            let start = StatusOutboxRow { id: row.try_get("id")?, request_id, update, is_old };
            Ok((number, (start, row.try_get("waits")?)))
        })
        .collect()
}
