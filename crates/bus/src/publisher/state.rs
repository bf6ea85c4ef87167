//! The state of a publishing connection.

use std::sync::Arc;

use deadlines::broker::CONNECTION_WAIT;
use domain::OrderType;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::PublishError;
use crate::declaration::Refusals;

/// The state of a connection.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// It opens, for the first time or after a loss. No attempt has failed yet.
    Connecting {
        /// When this began.
        since: Instant,
    },
    /// Messages can be sent, except to what was refused.
    Connected(Arc<Refusals>),
    /// An alarm for memory or disk space blocks publishing. RabbitMQ's reason.
    Blocked(String),
    /// The last attempt to connect failed.
    Away,
}

impl State {
    pub(super) fn connecting() -> Self {
        Self::Connecting { since: Instant::now() }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self, Self::Connected(_))
    }

    /// Why an order of this type cannot be sent while others can.
    pub(super) fn refusal_of(&self, order_type: OrderType) -> Option<PublishError> {
        let Self::Connected(refusals) = self else { return None };
        let refusal = refusals.of_type(order_type)?;
        Some(PublishError::QueueRefused(refusal.why.clone()))
    }

    /// The error for a message that is not sent in this state.
    pub(super) fn error(&self) -> PublishError {
        match self {
            Self::Blocked(reason) => PublishError::Blocked(reason.clone()),
            Self::Connecting { .. } | Self::Connected(_) | Self::Away => PublishError::NotConnected,
        }
    }
}

/// Waits for a pending connection. Returns an error at once if the last attempt failed.
///
/// # Errors
/// There is no connection, or none in time.
pub(super) async fn connected(state: &watch::Receiver<State>) -> Result<(), PublishError> {
    let mut state = state.clone();
    loop {
        let since = match &*state.borrow_and_update() {
            State::Connected(_) => return Ok(()),
            State::Connecting { since } => *since,
            other => return Err(other.error()),
        };
        match timeout_at(since + CONNECTION_WAIT, state.changed()).await {
            Ok(Ok(())) => {}
            // The task has ended, or the wait is over.
            Ok(Err(_)) | Err(_) => return Err(PublishError::NotConnected),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_broker_that_is_away_or_blocked() {
        for (state, expected) in [
            (State::Away, PublishError::NotConnected),
            (State::Blocked("low on memory".to_owned()), PublishError::Blocked("low on memory".to_owned())),
        ] {
            let (_sender, receiver) = watch::channel(state);
            // Ready at the first poll.
            assert_eq!(connected(&receiver).now_or_never(), Some(Err(expected)));
        }
    }

    #[tokio::test]
    async fn the_wait_is_measured_from_the_loss() {
        let left = Duration::from_millis(50);
        let since = Instant::now() + left - CONNECTION_WAIT;
        let (_sender, receiver) = watch::channel(State::Connecting { since });
        assert!(connected(&receiver).now_or_never().is_none());
        assert_eq!(connected(&receiver).await, Err(PublishError::NotConnected));
        assert!(since.elapsed() >= CONNECTION_WAIT);
        // A later caller does not wait again.
        assert_eq!(connected(&receiver).now_or_never(), Some(Err(PublishError::NotConnected)));
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_with_the_connection() {
        let (sender, receiver) = watch::channel(State::connecting());
        let waiting = tokio::spawn(async move { connected(&receiver).await });
        sender.send_replace(State::Connected(Arc::default()));
        assert_eq!(waiting.await.ok(), Some(Ok(())));
    }
}
