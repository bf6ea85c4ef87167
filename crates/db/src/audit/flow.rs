//! Checks messages, claims and workers.

use domain::order_status::RECALL_NOTE;
use tokio_postgres::{Row, Transaction};

use super::{Finding, LowerBound, OnlineWorker, WaitingOrder, findings};
use crate::database::DbError;
use crate::held_orders::{not_held, waits_to_be_cooked_again};
use crate::workers::held;

/// How late a message or the end of a lease may be before it is a finding:
/// [`AUDIT_GRACE`](deadlines::outbox::AUDIT_GRACE). Within this time some process reacts.
const GRACE: &str = "interval '1 minute'";
/// How late a heartbeat may be on a busy machine, beyond two intervals.
const HEARTBEAT_GRACE: &str = "interval '10 seconds'";
/// A row that was refused this often backs off for about a minute.
const REFUSED: &str = "attempts >= 5";
/// The most orders that are compared with the queues.
const MOST_WAITING: i64 = 100_000;

/// Checks everything that is in flight, and the workers' counters.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let late = late();
    let broken = format!(
        "select 'cooking_is_claimed',
                format('%s: ', number) || case when order_id is null then 'nobody has claimed it'
                    else format('the lease of %s ended %s s ago', worker, {since_lease}) end
         from orders left join order_claims on order_id = id
         where status = 'cooking' and (order_id is null or lease_until < now() - {GRACE}) and {order_not_held}
           and not {to_be_cooked_again}
         union all
         select 'claimed_is_cooking', format('%s is %s and claimed by %s', number, coalesce(status, 'null'), worker)
         from order_claims join orders on id = order_id
         where status is distinct from 'cooking'
         union all
         select 'outbox', format('%s: its message to the kitchen ', number) || {late}
         from order_outbox join orders on id = order_id
         where (due_at < now() - {GRACE} or {REFUSED}) and {order_not_held}
         union all
         select 'outbox', format('%s: the news that it is %s ', order_number, new_status) || {late}
         from status_outbox
         where due_at < now() - {GRACE} or {REFUSED}
         union all
         select 'outbox', format('%s: the event that it is %s ', order_id, status) || {late}
         from request_outbox
         where due_at < now() - {GRACE} or {REFUSED}
         union all
         select 'workers_alive', format('%s was last seen %s s ago', name,
                                        coalesce({since_last_seen}::text, 'infinitely many'))
         from workers left join worker_sessions on worker_id = id
         where status = 'online'
           and last_seen < now() - make_interval(secs => 2 * coalesce(heartbeat_seconds, 30)) - {HEARTBEAT_GRACE}",
        order_not_held = not_held("orders.id"),
        to_be_cooked_again = waits_to_be_cooked_again(),
        since_lease = seconds_since("lease_until"),
        since_last_seen = seconds_since("last_seen"),
    );
    let mut found = findings(transaction, &broken, &[]).await?;
    found.extend(
        findings(transaction, ORDERS_PROCESSED, &[&from.number, &from.moment, &from.is_ever, &RECALL_NOTE])
            .await?,
    );
    Ok(found)
}

/// Explains why a row is still there.
fn late() -> String {
    format!(
        "case when attempts >= 5
              then format('was refused %s times; the relay goes on trying', attempts)
              else format('is due since %s s', {}) end",
        seconds_since("due_at")
    )
}

/// Whole seconds since a moment, which may be `infinity` or `-infinity`. PostgreSQL cannot subtract
/// such a timestamp, but its seconds since 1970 are a number.
fn seconds_since(moment: &str) -> String {
    format!("round(extract(epoch from now()) - extract(epoch from {moment}))")
}

/// The counter is updated in the transaction that writes the `ready` row, or the row of a recall,
/// which takes it back. So both agree in every snapshot. The rows count, not the status, because a
/// `ready` order can be cancelled. A worker
/// that was deleted and registered again counts from then on: at least its orders since then, at
/// most all under its name. (After the clock was set back, its orders lie before that.) In a
/// partial scope the counter may be higher. Pruned orders left their sums.
const ORDERS_PROCESSED: &str = "
    select 'orders_processed', format('%s: orders_processed is %s, the log has %s orders made ready by it', name, counted,
                                      case when counted < made then made else ever end)
    from (
        select workers.name, coalesce(workers.orders_processed, 0) as counted, coalesce(sum(weight), 0) as ever,
               coalesce(sum(weight) filter (where changed_at >= workers.created_at), 0) as made
        from workers left join (
            select worker as changed_by, since as changed_at, orders_processed as weight from pruned_work where $3
            union all
            select changed_by, changed_at, case log.status when 'ready' then 1 else -1 end as weight
            from orders join order_status_log as log
                on order_id = orders.id and (log.status = 'ready' or log.status = 'cooking' and notes = $4)
            where number >= $1 and orders.created_at >= $2
        ) as ready on changed_by = workers.name
        group by workers.id
    ) as compared
    where counted < made or ($3 and counted > ever)";

/// What must be empty when nothing is in flight. What is held is not: it waits for a person.
pub(super) async fn check_at_rest(transaction: &Transaction<'_>) -> Result<Vec<Finding>, DbError> {
    let broken = format!(
        "
        select 'at_rest', format('%s is still %s', number, status) from orders
        where status in ('received', 'cooking') and {order_not_held}
        union all
        select 'at_rest', format('%s is still in order_outbox', number) from order_outbox join orders on id = order_id
        where {order_not_held}
        union all
        select 'at_rest', format('%s is still in status_outbox: %s', order_number, new_status) from status_outbox
        union all
        select 'at_rest', format('%s is still in request_outbox: %s', order_id, status) from request_outbox
        union all
        select 'at_rest', format('%s is still claimed by %s', number, worker) from order_claims join orders on id = order_id",
        order_not_held = not_held("orders.id"),
    );
    findings(transaction, &broken, &[]).await
}

/// Orders that have waited for a while, and released ones that are to be cooked again. When nothing
/// should be in flight: all waiting orders.
pub(super) async fn waiting(
    transaction: &Transaction<'_>,
    settled: bool,
) -> Result<Vec<WaitingOrder>, DbError> {
    let sql = format!(
        "with {}
         select id, number, type from orders
         where status in ('received', 'cooking') and (status = 'received' or {})
           and ($1 or created_at < now() - {GRACE})
           and not exists (select from order_outbox where order_id = id)
           and not exists (select from held where held.number = orders.number)
         order by created_at, id limit {MOST_WAITING}",
        held(),
        waits_to_be_cooked_again()
    );
    transaction.query(&sql, &[&settled]).await?.iter().map(waiting_order).collect()
}

pub(super) fn waiting_order(row: &Row) -> Result<WaitingOrder, DbError> {
    Ok(WaitingOrder { id: row.try_get(0)?, number: row.try_get(1)?, order_type: row.try_get(2)? })
}

/// Online workers with a recent heartbeat. The rule `workers_alive` finds the others.
pub(super) async fn online_workers(transaction: &Transaction<'_>) -> Result<Vec<OnlineWorker>, DbError> {
    let sql = format!(
        "select type from workers left join worker_sessions on worker_id = id
         where status = 'online'
           and last_seen >= now() - make_interval(secs => 2 * coalesce(heartbeat_seconds, 30)) - {HEARTBEAT_GRACE}"
    );
    let rows = transaction.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let kind: &str = row.try_get(0)?;
            let specialisation = match kind {
                "general" => domain::Specialisation::General,
                list => list.parse().map_err(DbError::unexpected)?,
            };
            Ok(OnlineWorker { specialisation })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_grace_is_a_deadline_of_the_project() {
        assert_eq!((GRACE, deadlines::outbox::AUDIT_GRACE), ("interval '1 minute'", Duration::from_mins(1)));
    }
}
