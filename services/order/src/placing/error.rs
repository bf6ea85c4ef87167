//! Why an order was not placed.

use std::time::Duration;

use telemetry::labels::PlaceResult;

use crate::acceptance::Closed;
use crate::admission::Busy;
use crate::menu::MenuRefusal;
use crate::readiness::NotReady;

/// Why there is no order number. Where a server failed, the log says more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The service is starting: nothing was stored.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// Nothing was stored.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database does not answer, and was not asked. Nothing was stored.
    #[error("the database does not answer")]
    DatabaseAway {
        /// When to ask again.
        left: Duration,
    },
    /// No order is accepted now. Nothing was stored.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The menu says that it cannot be had so. Nothing was stored.
    #[error(transparent)]
    Menu(#[from] MenuRefusal),
    /// The first request with this idempotency key has no answer yet. This one was not stored.
    #[error("a request with this idempotency key is in work")]
    KeyInFlight,
    /// The idempotency key was used with another body. Nothing was stored.
    #[error("this idempotency key was used for another order")]
    KeyReused,
    /// The message that asks for it came before. What became of the first one is in its request's
    /// row.
    #[error("the message came before")]
    Repeated,
    /// The database refuses this order, and would again. Nothing was stored.
    #[error("the database refuses the order")]
    Unstorable,
    /// The order will not be cooked.
    #[error("the order could not be stored and sent")]
    Failed,
    /// The order is being cooked, or will never be. It is not known yet which.
    #[error("it is not known yet whether the order will be cooked")]
    OutcomeUnknown,
}

impl PlaceError {
    /// Whether an order by message is tried again after this: nothing became of it yet.
    pub fn is_tried_again(&self) -> bool {
        match self {
            Self::NotReady(_)
            | Self::Busy(_)
            | Self::DatabaseAway { .. }
            | Self::KeyInFlight
            | Self::KeyReused
            | Self::Failed
            | Self::OutcomeUnknown => true,
            Self::Closed(_) | Self::Menu(_) | Self::Unstorable | Self::Repeated => false,
        }
    }

    /// As it is counted.
    pub fn label(&self) -> PlaceResult {
        match self {
            Self::NotReady(_) => PlaceResult::NotNow,
            Self::Busy(_) => PlaceResult::Busy,
            Self::Closed(_) => PlaceResult::Closed,
            // What a client does with its own key must not count as a failure of the service.
            Self::Menu(_) | Self::KeyReused | Self::KeyInFlight => PlaceResult::Refused,
            Self::Repeated => PlaceResult::Repeated,
            Self::DatabaseAway { .. } | Self::Unstorable | Self::Failed | Self::OutcomeUnknown => {
                PlaceResult::Failed
            }
        }
    }
}
