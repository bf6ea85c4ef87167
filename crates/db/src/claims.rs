//! Claims and leases: who cooks an order, the end of cooking, and its recall.
//!
//! Statements that lock rows of several tables lock them in the order `workers`, `worker_sessions`,
//! `orders`, `order_claims`, and several rows of one table in the order of their ids. So they
//! cannot deadlock.

mod claiming;
mod finishing;
mod recalling;

use std::time::Duration;

use domain::{OrderNumber, OrderPointer, OrderStatus, OrderType, RequestId, WorkerName};
use time::OffsetDateTime;

pub use self::claiming::claim;
pub use self::finishing::finish;
pub use self::recalling::recall;
use crate::database::{Database, DbError};
use crate::outbox::StatusOutboxRow;

/// The worker process that claims. Its token differs from those of predecessors with the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The worker.
    pub worker: WorkerName,
    /// The token of this process.
    pub token: i64,
}

/// How a statement about several orders treats rows that another transaction has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Skip locked rows.
    SkipLocked,
    /// Wait for the locks.
    Wait,
}

/// A request to cook an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The order, and what its message says about it.
    pub order: OrderPointer,
    /// How long it will cook.
    pub cooking: Duration,
    /// The request that it belongs to.
    pub request_id: RequestId,
}

/// The result of a claim request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Cook it.
    Granted(Claim),
    /// Another live worker has claimed it.
    Held {
        /// The time until the lease expires, if it is not renewed.
        remaining: Duration,
    },
    /// A backup was restored, and nobody has released it yet. It is sent again then.
    OnHold,
    /// It is past cooking, or cancelled.
    Over(OrderStatus),
    /// There is no such order.
    Unknown,
    /// Its row has this status, or `null`, which is not a status. It is left unchanged.
    Unreadable(String),
    /// The order with this number is another one than the message means, or differs from the
    /// message.
    Mismatch(Mismatch),
}

/// How a message differs from the order's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The identity: another order once had this number.
    Identity,
    /// The type; the order has this one.
    Type(OrderType),
    /// The lines or the total.
    Contents,
}

/// The right to cook an order, as long as the lease is renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The order's row id.
    pub order_id: i32,
    /// 1 for the first claim; higher after an earlier worker was lost.
    pub attempt: i32,
    /// How long ago the order was placed. `None` for a recall.
    pub since_received: Option<Duration>,
    /// When it should be ready, by the database's clock.
    pub estimated_completion: OffsetDateTime,
    /// The status update that cooking began. The first claim creates it. Later claims return it
    /// while it is unpublished.
    pub status_update: Option<StatusOutboxRow>,
    /// Earlier changes of the order are still unpublished. So this one is left to the relay, which
    /// takes them in their order, and so is every later one.
    pub is_left_to_relay: bool,
}

/// The report that an order is cooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishRequest {
    /// The order.
    pub number: OrderNumber,
    /// Its row id.
    pub order_id: i32,
    /// The attempt of the claim.
    pub attempt: i32,
    /// The request that it belongs to.
    pub request_id: RequestId,
}

/// The result of such a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// It is `ready`. This is the status update.
    Ready(StatusOutboxRow),
    /// The claim is no longer valid: another worker claimed the order, or it was cancelled. Nothing
    /// was changed.
    ClaimLost,
}

/// A request to take an order up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallRequest {
    /// The order.
    pub number: OrderNumber,
    /// How long it will cook.
    pub cooking: Duration,
    /// The request that it belongs to.
    pub request_id: RequestId,
}

/// The result of a recall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecallOutcome {
    /// Cook it again.
    Granted(Claim),
    /// Nothing was changed.
    Refused(RecallRefusal),
    /// There is no such order.
    Unknown,
}

/// Why an order is not recalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecallRefusal {
    /// It is not ready, but has this status.
    Elsewhere(OrderStatus),
    /// Another worker finished it.
    OfAnother,
    /// It has been ready for longer than [`RECALL_WINDOW`](domain::order_status::RECALL_WINDOW).
    TooLate,
    /// Its row has this status, or `null`, which is not a status.
    Unreadable(String),
}

/// Returns those of the orders on which this process still has a claim.
///
/// # Errors
/// The database failed.
pub async fn held(db: &Database, claimant: &Claimant, order_ids: &[i32]) -> Result<Vec<i32>, DbError> {
    // Not `token = $2`: see `finishing`.
    let sql = "select order_id from order_claims where order_id = any($1) and token is not distinct from $2";
    let rows = db.query(sql, &[&order_ids, &claimant.token]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Shortens leases that end later than their own length from now: the database's clock was set back
/// since. Live workers renew theirs. The others now expire within one lease. Leases of the version
/// before are skipped, because their length is unknown.
///
/// # Errors
/// The database failed. It can be repeated.
pub async fn correct_leases(db: &Database) -> Result<(), DbError> {
    let sql = "
        with ahead as (
            select order_id from order_claims where lease_until > now() + make_interval(secs => lease_seconds + 1)
            order by order_id for update skip locked
        )
        update order_claims set lease_until = now() + make_interval(secs => lease_seconds)
        from ahead where order_claims.order_id = ahead.order_id";
    db.query(sql, &[]).await.map(drop)
}

impl LockMode {
    /// What follows `for update`.
    fn clause(self) -> &'static str {
        match self {
            Self::SkipLocked => " skip locked",
            Self::Wait => "",
        }
    }

    /// Checks that there is an outcome for every request.
    fn complete<T>(self, outcomes: Vec<Option<T>>, requests: usize) -> Result<Vec<Option<T>>, DbError> {
        if outcomes.len() == requests && (self == Self::SkipLocked || outcomes.iter().all(Option::is_some)) {
            return Ok(outcomes);
        }
        Err(DbError::unexpected(format!("{requests} requests, {} outcomes", outcomes.len())))
    }
}
