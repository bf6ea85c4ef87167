//! `held_orders`: orders that were open when a backup was restored. They are neither sent nor
//! cooked until a person releases them.
//!
//! A held order stays in `order_outbox`. So nobody enters it there again, and whoever releases it
//! has nothing to send. A row of an order that was cancelled since means nothing: its message is
//! sent, so that no row of it is left to wait.
//!
//! The row of a released order is kept, and marked. The restore took the claim of an order that was
//! cooking, so it cooks without one until a worker takes it.

use domain::OrderNumber;
use time::OffsetDateTime;

use crate::database::{Database, DbError};
use crate::orders::request_id;

/// For `where`: the order of this row id is not held. It is looked up by its key, whatever the plan
/// was made for (`offset 0`): as a join the planner would expect almost no row.
pub(crate) fn not_held(order_id: &str) -> String {
    format!(
        "not exists (select from held_orders
                     where held_orders.order_id = {order_id} and held_orders.released_at is null offset 0)"
    )
}

/// For `where`: this row of `orders` was cooking when a restore held it, is released, and waits for
/// a worker again.
pub(crate) fn waits_to_be_cooked_again() -> &'static str {
    "(orders.status = 'cooking'
      and not exists (select from order_claims where order_claims.order_id = orders.id offset 0)
      and exists (select from held_orders where held_orders.order_id = orders.id
                                            and held_orders.released_at is not null offset 0))"
}

/// A held order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOrder {
    /// Its number, as stored.
    pub number: String,
    /// Its type, as stored.
    pub order_type: String,
    /// Its status in the backup, which it still has.
    pub status: String,
    /// When it was placed.
    pub placed_at: OffsetDateTime,
    /// Who cooked it, if anybody did.
    pub processed_by: Option<String>,
}

/// The held orders, the oldest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Database) -> Result<Vec<HeldOrder>, DbError> {
    let sql = "
        select number, type, held.status, created_at, processed_by
        from held_orders cross join lateral (
            select * from orders where orders.id = held_orders.order_id offset 0
        ) as held
        where released_at is null and held.status in ('received', 'cooking') order by held.id";
    let rows = db.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(HeldOrder {
                number: row.try_get(0)?,
                order_type: row.try_get(1)?,
                status: row.try_get(2)?,
                placed_at: row.try_get(3)?,
                processed_by: row.try_get(4)?,
            })
        })
        .collect()
}

/// Which orders are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release<'a> {
    /// All that are held.
    All,
    /// Those with these numbers.
    Numbers(&'a [OrderNumber]),
}

/// Releases held orders: an order service sends them, and a worker cooks them. Returns their
/// numbers. Those that were cancelled since are not among them.
///
/// # Errors
/// The database failed. They may be released. It can be repeated.
pub async fn release(db: &Database, which: Release<'_>) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "with wanted as (
            select orders.id, number, orders.status from held_orders join orders on orders.id = order_id
            where released_at is null and ($1 or number = any($2))
            order by orders.id for update of orders, held_orders
        ), released as (
            update held_orders set released_at = now() from wanted where order_id = wanted.id
        ), open as (
            select id, number from wanted where status in ('received', 'cooking')
        ), entered as (
            insert into order_outbox (order_id, request_id, due_at, purpose)
            select id, {}, now(), 'again' from open order by id
            on conflict (order_id) do update set due_at = excluded.due_at, attempts = 0
        )
        select number from open order by id",
        request_id("open")
    );
    let (all, numbers): (bool, Vec<String>) = match which {
        Release::All => (true, Vec::new()),
        Release::Numbers(numbers) => (false, numbers.iter().map(ToString::to_string).collect()),
    };
    db.query(&sql, &[&all, &numbers]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
