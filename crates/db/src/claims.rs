//! Who cooks an order: claim, lease, and the end of cooking.
//!
//! Statements that lock rows of several tables take them in the order `workers`, `worker_sessions`,
//! `orders`, `order_claims`, and several rows of one table in the order of their ids: two
//! statements can wait for each other, but never in a circle.

mod claiming;
mod finishing;

use std::time::Duration;

use domain::{OrderNumber, OrderPointer, OrderStatus, OrderType, RequestId, WorkerName};
use time::OffsetDateTime;

pub use self::claiming::claim;
pub use self::finishing::finish;
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

/// What a statement about several orders does about those that somebody else has
/// locked at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// It leaves them out, so that nobody waits for them who need not.
    SkipLocked,
    /// It waits for them.
    Wait,
}

/// The wish to cook an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The order, and what its message says of it.
    pub order: OrderPointer,
    /// How long it will cook.
    pub cooking: Duration,
    /// The request that it belongs to.
    pub request_id: RequestId,
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
    /// Its row has this status, or `null`, which no order can have. It stays as it is.
    Unreadable(String),
    /// The order of this number is not the one that the message is about, or not as it says.
    Mismatch(Mismatch),
}

/// In what a message differs from the row of the order whose number it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The identity: another order had this number once.
    Identity,
    /// The type; the order's is this.
    Type(OrderType),
    /// The lines, or the total.
    Contents,
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
    /// The announcement that cooking began: the first claim makes it; later ones find it if
    /// nobody was told yet.
    pub announcement: Option<StatusOutboxRow>,
}

/// The word that an order has been cooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishRequest {
    /// The order.
    pub number: OrderNumber,
    /// Its row.
    pub order_id: i32,
    /// The attempt of the claim under which it was cooked.
    pub attempt: i32,
    /// The request that it belongs to.
    pub request_id: RequestId,
}

/// What came of the word that an order has been cooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// It is ready; this announces it.
    Ready(StatusOutboxRow),
    /// The claim is no longer this one: another worker took over, or the order was cancelled.
    /// Nothing was changed.
    ClaimLost,
}

/// Which of these orders this process still has a claim on.
///
/// # Errors
/// The database failed.
pub async fn held(db: &Database, claimant: &Claimant, order_ids: &[i32]) -> Result<Vec<i32>, DbError> {
    // Not `token = $2`: see `finishing`.
    let sql = "select order_id from order_claims where order_id = any($1) and token is not distinct from $2";
    let rows = db.query(sql, &[&order_ids, &claimant.token]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Cuts leases that end later than their own length from now: the database's clock was set back
/// since they were given. Whoever lives renews his; the others end one lease from now, not when
/// that time has come. Of those that the version before gave, nobody knows the length.
///
/// # Errors
/// The database failed; once more is harmless.
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
    /// What stands behind `for update`.
    fn clause(self) -> &'static str {
        match self {
            Self::SkipLocked => " skip locked",
            Self::Wait => "",
        }
    }

    /// Makes sure that there is an outcome for each of so many requests.
    fn complete<T>(self, outcomes: Vec<Option<T>>, requests: usize) -> Result<Vec<Option<T>>, DbError> {
        if outcomes.len() == requests && (self == Self::SkipLocked || outcomes.iter().all(Option::is_some)) {
            return Ok(outcomes);
        }
        Err(DbError::unexpected(format!("{requests} requests, {} outcomes", outcomes.len())))
    }
}
