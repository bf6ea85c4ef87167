//! Changes of an order's status that are not the kitchen's: taken back, cancelled, completed.
//!
//! Each is one statement that locks the order, looks at where it stands, and changes it only along
//! [`OrderStatus::TRANSITIONS`]: of a cancel and a cook that meet, one wins, and both learn it.

use domain::{OrderNumber, OrderStatus, RequestId};

use crate::database::{Database, DbError};
use crate::orders::ORDER_SERVICE;

/// An order that could not be sent.
#[derive(Clone, Copy, Debug)]
pub struct Unsent<'a> {
    /// Its row.
    pub id: i32,
    /// The request that placed it.
    pub request_id: &'a RequestId,
    /// The key under which its client would have got the answer; it may be used again.
    pub idempotency_key: Option<&'a str>,
}

/// Takes back orders whose message could not be sent: those still `received` become `cancelled`, and will never be
/// cooked. Their outbox rows and idempotency keys go. Returns the ids of all that are cancelled now; a worker already
/// has the others.
///
/// # Errors
/// The database failed: whether they were cancelled is open; asking again tells.
pub async fn take_back(db: &Database, unsent: &[Unsent<'_>], reason: &str) -> Result<Vec<i32>, DbError> {
    let ids: Vec<i32> = unsent.iter().map(|order| order.id).collect();
    let request_ids: Vec<&str> = unsent.iter().map(|order| order.request_id.as_str()).collect();
    let keys: Vec<Option<&str>> = unsent.iter().map(|order| order.idempotency_key).collect();
    let sql = "
        with input as (
            select * from unnest($1::int[], $2::text[], $3::text[]) as input (id, request_id, key)
        ), target as (
            select id, number, status from orders where id = any($1) order by id for update
        ), cancelled as (
            update orders set status = 'cancelled', updated_at = now()
            from target where orders.id = target.id and target.status = 'received'
            returning orders.id, orders.number
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at, notes)
            select id, 'cancelled', $4, now(), $5 from cancelled order by id
        ), announced as (
            insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at)
            select request_id, now(), number, 'received', 'cancelled', $4, now()
            from cancelled join input using (id) order by id
        ), forgotten as (
            delete from idempotency_keys as known using cancelled join input using (id)
            where known.key = input.key and known.order_id = cancelled.id
        ), settled as (
            delete from order_outbox where order_id = any($1)
        )
        select id from target where status in ('received', 'cancelled')";
    let rows = db.query(sql, &[&ids, &request_ids, &keys, &ORDER_SERVICE, &reason]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// What came of the wish to change a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so now.
    Changed,
    /// The order stands elsewhere; nothing was changed.
    Illegal(OrderStatus),
    /// There is no such order.
    Unknown,
}

/// Who changes a status, and why: as the status log and the subscribers will see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedBy<'a> {
    /// Name.
    pub name: &'a str,
    /// Reason, for the status log.
    pub notes: Option<&'a str>,
}

/// Moves an order to `next` if it stands in one of `from`. A cook loses his claim; subscribers are told by the relay.
///
/// # Errors
/// The database failed: whether it was changed is open; asking again tells.
pub async fn change(
    db: &Database,
    number: &OrderNumber,
    from: &[OrderStatus],
    next: OrderStatus,
    by: ChangedBy<'_>,
    request_id: &RequestId,
) -> Result<Outcome, DbError> {
    let legal: Vec<&str> =
        from.iter().filter(|status| status.may_become(next)).map(|status| status.as_str()).collect();
    let sql = "
        with target as (
            select id, number, status from orders where number = $1 for update
        ), changed as (
            update orders set status = $2, updated_at = now()
            from target where orders.id = target.id and target.status = any($3)
            returning target.id, target.number, target.status as old_status
        ), released as (
            delete from order_claims using changed where order_id = changed.id
        ), logged as (
            insert into order_status_log (order_id, status, changed_by, changed_at, notes)
            select id, $2, $4, now(), $5 from changed
        ), announced as (
            insert into status_outbox (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at)
            select $6, now(), number, old_status, $2, $4, now() from changed
        )
        select status, exists (select 1 from changed) from target";
    let row = db
        .query_opt(
            sql,
            &[&number.to_string(), &next.as_str(), &legal, &by.name, &by.notes, &request_id.as_str()],
        )
        .await?;
    let Some(row) = row else { return Ok(Outcome::Unknown) };
    if row.try_get(1)? {
        return Ok(Outcome::Changed);
    }
    Ok(Outcome::Illegal(row.try_get::<_, &str>(0)?.parse().map_err(DbError::unexpected)?))
}
