//! The use cases of cancelling and completing an order: the rest of its life.
//!
//! Nothing here knows how the command came. An adapter (`http`) turns requests into commands and
//! errors into answers.

mod principal;

use db::transitions::{self, ChangeOutcome, ChangedBy};
use db::{Database, DbError};
use deadlines::order::CHANGE_DEADLINE;
use domain::{OrderNumber, OrderStatus, RequestId};
use logging::{Log, action};
use runtime::retry::{Policy, retry};
use runtime::{FailedAttempt, Shutdown};
use tokio::time::timeout;

pub use self::principal::Principal;
use crate::admission::{Admission, Busy};
use crate::relay::Wakeup;

/// A change that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Cancel,
    Complete,
}

/// An order to change.
#[derive(Clone, Debug)]
pub struct ChangeOrder {
    /// Which order.
    pub number: OrderNumber,
    /// How.
    pub change: Change,
    /// Who asks for it.
    pub principal: Principal,
    /// Why, for the order's log.
    pub reason: Option<String>,
    /// The request that asks for it. The same one learns what its first attempt did.
    pub request_id: RequestId,
}

/// Why an order was not changed. Where a server failed, the log says more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Guests may not do this.
    #[error("only the staff may do this")]
    StaffOnly,
    /// Nothing was changed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The order stands elsewhere; the text says what would be possible.
    #[error("Order {number} is {status}{hint}")]
    Illegal { number: OrderNumber, status: OrderStatus, hint: String },
    /// There is no order of this number.
    #[error("there is no such order")]
    UnknownOrder,
    /// The order of this number is not the guest's.
    #[error("the order is another guest's")]
    AnotherOrder,
    /// Nothing was changed.
    #[error("the status could not be changed")]
    Failed,
    /// The order was changed, or will not be.
    #[error("it is not known whether the order was changed")]
    OutcomeUnknown,
}

impl Change {
    /// The status that the order has after it.
    pub fn status(self) -> OrderStatus {
        match self {
            Self::Cancel => OrderStatus::Cancelled,
            Self::Complete => OrderStatus::Completed,
        }
    }

    /// What is done to the order, as a participle.
    fn participle(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Complete => "completed",
        }
    }

    /// The statuses that the order may be in when this principal wants the change. What is legal at
    /// all is [`OrderStatus::TRANSITIONS`].
    fn allowed_from(self, principal: Principal) -> &'static [OrderStatus] {
        match (principal, self) {
            (Principal::Guest(_), Self::Cancel) => &[OrderStatus::Received],
            (Principal::Guest(_), Self::Complete) => &[],
            (Principal::Staff, _) => &OrderStatus::ALL,
        }
    }

    /// Why an order of this status is not changed so.
    pub fn illegal(self, number: OrderNumber, status: OrderStatus, principal: Principal) -> ChangeError {
        ChangeError::Illegal { number, status, hint: self.hint(principal, status) }
    }

    /// The same, as the end of a sentence.
    fn hint(self, principal: Principal, status: OrderStatus) -> String {
        let is_final = !OrderStatus::ALL.into_iter().any(|next| status.may_become(next));
        if status == self.status() {
            " already.".to_owned()
        } else if is_final {
            format!(": it cannot be {} any more.", self.participle())
        } else if matches!(principal, Principal::Guest(_)) {
            format!(": now only the staff can have it {}.", self.participle())
        } else {
            format!(": it can be {} once it is ready.", self.participle())
        }
    }
}

/// Changes orders; cheap to clone.
#[derive(Clone)]
pub struct Changes {
    pub db: Database,
    pub admission: Admission,
    /// Sends the status update.
    pub relay: Wakeup,
    pub log: Log,
}

impl Changes {
    /// Changes an order's status. Guests cancel while nobody cooks, the staff until the order is
    /// completed. Only the staff completes what is ready.
    ///
    /// # Errors
    /// The order was not changed, or it is not known in time whether it was.
    pub async fn change(&self, command: ChangeOrder) -> Result<(), ChangeError> {
        let ChangeOrder { number, change, principal, reason, request_id } = command;
        let (name, identity) = match &principal {
            Principal::Guest(_) if change != Change::Cancel => return Err(ChangeError::StaffOnly),
            Principal::Guest(identity) => ("guest", Some(identity)),
            Principal::Staff => ("staff", None),
        };
        let _permit = self.admission.admit().await?;
        let log = self.log.with_request_id(request_id);
        let (from, next) = (change.allowed_from(principal), change.status());
        let by = ChangedBy { name, reason: reason.as_deref() };
        let ask = || transitions::change(&self.db, &number, identity, from, next, by, log.request_id());
        match until_known(&log, ask).await? {
            ChangeOutcome::Changed => {
                self.relay.wake();
                let message = format!("Order {number} was {} by {name}", change.participle());
                log.info(action::ORDER_STATUS_CHANGED, message)
                    .detail("order_number", number.to_string())
                    .detail("status", next.as_str())
                    .detail("changed_by", name)
                    .emit();
                Ok(())
            }
            ChangeOutcome::Illegal(status) => Err(change.illegal(number, status, principal)),
            ChangeOutcome::Unknown if principal == Principal::Staff => Err(ChangeError::UnknownOrder),
            // A token does not tell its guest whether there is an order of this number.
            ChangeOutcome::Unknown | ChangeOutcome::AnotherOrder => Err(ChangeError::AnotherOrder),
        }
    }
}

/// Asks again when the answer was lost: the same request learns what its first attempt did. What is
/// in flight at the deadline is in doubt, too.
async fn until_known<Answer>(log: &Log, ask: impl FnMut() -> Answer) -> Result<ChangeOutcome, ChangeError>
where
    Answer: Future<Output = Result<ChangeOutcome, DbError>>,
{
    let mut in_doubt = false;
    let is_worth_another = |why: &DbError| {
        in_doubt |= why.is_in_doubt();
        in_doubt
    };
    let report = |why: &DbError, failed: FailedAttempt| {
        let line = log.error(action::DB_TRANSACTION_FAILED, "The status could not be changed", why);
        failed.describe(line).emit();
    };
    // A request that is in work is answered, whether the service stops or not.
    let never = Shutdown::new();
    let asking = retry(Policy::for_server(), &never, ask, is_worth_another, report);
    match timeout(CHANGE_DEADLINE, asking).await {
        Ok(outcome) => outcome.map_err(|_| ChangeError::Failed),
        Err(_) => Err(ChangeError::OutcomeUnknown),
    }
}

#[cfg(test)]
mod tests {
    use domain::OrderIdentity;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_in_flight_at_the_deadline_is_not_waited_for() {
        let (log, _flush) = logging::start("order-service", logging::Level::Error);
        let began = Instant::now();
        let known = until_known(&log, std::future::pending).await;
        assert_eq!(known, Err(ChangeError::OutcomeUnknown));
        assert_eq!(began.elapsed(), CHANGE_DEADLINE);
    }

    fn guest() -> Principal {
        Principal::Guest(OrderIdentity::new(0, [0; 10]))
    }

    #[test]
    fn guests_cancel_before_the_kitchen_begins_and_do_nothing_else() {
        assert_eq!(Change::Cancel.allowed_from(guest()), [OrderStatus::Received]);
        assert_eq!(Change::Complete.allowed_from(guest()), []);
    }

    #[test]
    fn a_refusal_says_what_would_be_possible() {
        use Change::{Cancel, Complete};
        use OrderStatus::{Cancelled, Completed, Cooking, Received};
        for (principal, status, change, expected) in [
            (guest(), Cancelled, Cancel, " already."),
            (guest(), Cooking, Cancel, ": now only the staff can have it cancelled."),
            (Principal::Staff, Completed, Cancel, ": it cannot be cancelled any more."),
            (Principal::Staff, Received, Complete, ": it can be completed once it is ready."),
            (Principal::Staff, Cancelled, Complete, ": it cannot be completed any more."),
        ] {
            assert_eq!(change.hint(principal, status), expected, "{principal:?} {status} {change:?}");
        }
    }
}
