//! Status changes outside the kitchen: taken back, cancelled, completed.
//!
//! Each locks the order, reads its status, and changes it only along [`OrderStatus::TRANSITIONS`].
//! Of a concurrent cancel and claim, one wins, and both learn which. Whoever cancels an order gives
//! back what it took from the stock, in the same statement and so exactly once.

use deadlines::database::CHANGE_DEADLINE;
use domain::{OrderIdentity, OrderNumber, OrderStatus, RequestId};
use tokio_postgres::types::ToSql;

use crate::database::{Database, DbError, PoolChoice};
use crate::inventory::given_back;
use crate::orders::{ORDER_SERVICE, identity, uuids};
use crate::status_notes;
use crate::traceparents;

/// An order whose message could not be published.
#[derive(Clone, Copy, Debug)]
pub struct Unsent<'a> {
    /// The order.
    pub identity: OrderIdentity,
    /// The request that placed it.
    pub request_id: &'a RequestId,
    /// The key of its request. It can be used again.
    pub idempotency_key: Option<&'a str>,
}

/// Takes back orders whose messages could not be published. Those still `received` become
/// `cancelled` and are never cooked. Their outbox rows and idempotency keys are deleted. Returns
/// all that are taken back, now or by an earlier attempt whose answer was lost. The others are
/// published, or claimed by a worker.
///
/// The outbox row is the right to decide. If a relay has deleted it, the order is published,
/// whatever its status.
///
/// # Errors
/// The database failed. They may be taken back. A second call tells.
pub async fn take_back(
    db: &Database,
    unsent: &[Unsent<'_>],
    reason: &str,
) -> Result<Vec<OrderIdentity>, DbError> {
    let identities = uuids(unsent.iter().map(|order| &order.identity));
    let request_ids: Vec<&str> = unsent.iter().map(|order| order.request_id.as_str()).collect();
    let traces: Vec<Option<String>> = unsent.iter().map(|order| traceparents::of(order.request_id)).collect();
    let keys: Vec<Option<&str>> = unsent.iter().map(|order| order.idempotency_key).collect();
    // The keys are deleted after the stock is locked. Whoever places an order locks the stock first
    // and then waits for its key: the other order would be a deadlock.
    let sql = format!(
        "with input as (
            select (select order_id from order_identities as known where known.identity = unsent.identity) as id,
                   request_id, key, traceparent
            from unnest($1::uuid[], $2::text[], $3::text[], $6::text[])
                as unsent (identity, request_id, key, traceparent)
        ), target as (
            select id, number, status from orders where id = any(array(select id from input)) order by id for update
        ), decided as (
            delete from order_outbox using target where order_id = target.id and purpose = 'placed'
            returning order_id
        ), cancelled as (
            update orders set status = 'cancelled', updated_at = now()
            from target join decided on order_id = target.id
            where orders.id = target.id and target.status = 'received'
            returning orders.id, orders.number, target.status as old_status
        ), {given_back}, logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at, notes)
            select id, 'cancelled', $4, now(), $5 from cancelled order by id
        ), announced as (
            insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at,
                                       traceparent)
            select request_id, now(), number, 'received', 'cancelled', $4, now(), traceparent
            from cancelled join input using (id) order by id
        )
        delete from idempotency_keys as known
        using cancelled join input using (id) cross join (select count(*) from stock) as locked
        where known.key = input.key and known.order_id = cancelled.id",
        given_back = given_back("cancelled", "$4", "now()")
    );
    db.query(&sql, &[&identities, &request_ids, &keys, &ORDER_SERVICE, &reason, &traces]).await?;
    // A second statement sees an earlier attempt that committed while this one waited for it.
    let taken_back = "
        select distinct identity from order_identities join order_status_log as log using (order_id)
        where identity = any($1) and log.status = 'cancelled' and log.changed_by = $2";
    let rows = db.query(taken_back, &[&identities, &ORDER_SERVICE]).await?;
    rows.iter().map(|row| identity(row, 0)).collect()
}

/// The result of a requested status change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The order has the new status.
    Changed,
    /// The order has this status, from which the change is illegal. Nothing was changed.
    Illegal(OrderStatus),
    /// There is no such order.
    Unknown,
    /// The order with this number is not the one that is meant.
    AnotherOrder,
}

/// Who changes an order, and why.
#[derive(Clone, Copy, Debug)]
pub struct ChangedBy<'a> {
    /// A name, or `staff`, or `guest`.
    pub name: &'a str,
    /// For the order's log, if somebody said why.
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a str> for ChangedBy<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, reason: None }
    }
}

/// Changes an order's status to `next` if its present one is in `from`, and if it is the order that
/// is `meant`. A worker loses its claim, and the relay publishes the change. Repeated by the same
/// request after a lost answer, it returns the first result.
///
/// # Errors
/// The database failed. The status may have changed. A second call tells.
pub async fn change<'a>(
    db: &Database,
    number: &OrderNumber,
    meant: Option<&OrderIdentity>,
    from: &[OrderStatus],
    next: OrderStatus,
    by: impl Into<ChangedBy<'a>>,
    request_id: &RequestId,
) -> Result<ChangeOutcome, DbError> {
    let legal: Vec<&str> =
        from.iter().filter(|status| status.may_become(next)).map(|status| status.as_str()).collect();
    let number = number.to_string();
    let ChangedBy { name: by, reason } = by.into();
    let notes = status_notes::of_change(reason, request_id);
    // Two statements: the second one sees the claim for which the first one waited, and has a later
    // time (`statement_timestamp()`; `now()` is from before the wait).
    let lock = "
        select $2::uuid is null
               or (select order_id from order_identities where identity = $2) is not distinct from orders.id
        from orders where number = $1 for update of orders";
    let change = format!(
        "with target as (
            select id, number, status from orders where number = $1
        ), changed as (
            update orders set status = $2, updated_at = statement_timestamp()
            from target where orders.id = target.id and target.status = any($3)
            returning target.id, target.number, target.status as old_status
        ), cancelled as (
            select id, old_status from changed where $2 = 'cancelled'
        ), {given_back}, released as (
            delete from order_claims using changed where order_id = changed.id
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at, notes)
            select id, $2, $4, statement_timestamp(), $5 from changed
        ), announced as (
            insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at,
                                       traceparent)
            select $6, statement_timestamp(), number, old_status, $2, $4, statement_timestamp(), $7::text from changed
        )
        select status, exists (select 1 from changed)
                   or exists (select 1 from order_status_log as log
                              where order_id = target.id and log.status = $2 and log.changed_by = $4 and log.notes = $5)
        from target",
        given_back = given_back("cancelled", "$4", "statement_timestamp()")
    );
    let meant = meant.map(OrderIdentity::uuid);
    db.transaction(PoolChoice::Shared, CHANGE_DEADLINE, async |transaction| {
        let locked =
            transaction.query_opt(&transaction.prepare_cached(lock).await?, &[&number, &meant]).await?;
        match locked.map(|row| row.try_get(0)).transpose()? {
            None => return Ok(ChangeOutcome::Unknown),
            Some(false) => return Ok(ChangeOutcome::AnotherOrder),
            Some(true) => {}
        }
        let statement = transaction.prepare_cached(&change).await?;
        let (id, trace) = (request_id.as_str(), traceparents::of(request_id));
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&number, &next.as_str(), &legal, &by, &notes, &id, &trace];
        let Some(row) = transaction.query_opt(&statement, &parameters).await? else {
            return Ok(ChangeOutcome::Unknown);
        };
        if row.try_get(1)? {
            return Ok(ChangeOutcome::Changed);
        }
        Ok(ChangeOutcome::Illegal(row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)?))
    })
    .await
}
