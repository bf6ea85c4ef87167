//! Moves messages that can never be processed to the dead letters, for a person to inspect.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadlines::broker::DEAD_LETTER_DEADLINE;
use domain::timestamp::Timestamp;
use runtime::Backoff;
use tokio::time::{Instant, timeout};

use crate::consuming::Leased;
use crate::delivery::Delivery;
use crate::message::Outgoing;
use crate::publisher::{PublishError, Publisher};
use crate::topology::DEAD_LETTER_EXCHANGE;

/// Moves messages to the dead letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct DeadLetterPublisher {
    publisher: Publisher,
    attempts: Arc<Mutex<Attempts>>,
}

/// When the next dead letter may be published. Thousands of them may fail for the same reason, so
/// failures are backed off together.
#[derive(Debug)]
struct Attempts {
    next: Instant,
    backoff: Backoff,
}

/// Why a message is not known to be among the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The copy was not confirmed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The copy may have arrived.
    #[error("the dead letter was not published within {} s", DEAD_LETTER_DEADLINE.as_secs())]
    NotInTime,
    /// RabbitMQ was to move the message, and cannot.
    #[error("RabbitMQ cannot move the message: there is no usable exchange '{DEAD_LETTER_EXCHANGE}'")]
    NoExchange,
}

impl DeadLetterPublisher {
    /// For a service with this publisher.
    pub fn new(publisher: Publisher) -> Self {
        let attempts = Attempts { next: Instant::now(), backoff: Backoff::for_server() };
        Self { publisher, attempts: Arc::new(Mutex::new(attempts)) }
    }

    /// Whether this message may be moved now: the backoff after the last failure is over, or
    /// nothing has to be published for it.
    pub fn takes(&self, delivery: &Delivery) -> bool {
        self.leaves_to_broker(delivery) || Instant::now() >= self.attempts().next
    }

    /// Moves the message to the dead letters: publishes a copy with the reason, and acknowledges
    /// the message after the confirm. This takes at most [`DEAD_LETTER_DEADLINE`].
    ///
    /// RabbitMQ moves the message itself, without the reason, if no copy can be made: its body was
    /// withheld, or an alarm forbids publishing.
    ///
    /// Returns the message if it is not known to be there. It is still to be settled: its consumer
    /// gives it back to its queue, and the next one tries again. After a late confirm it is a dead
    /// letter twice then, which is better than never.
    #[must_use = "a returned message still has to be settled"]
    pub async fn publish<M: Leased>(&self, message: M, reason: &str) -> Option<(M, DeadLetterError)> {
        if !self.leaves_to_broker(message.delivery()) {
            let letter = Outgoing::dead_letter(message.delivery(), reason, now());
            match self.confirmed(letter).await {
                Ok(()) => {
                    message.ack();
                    return None;
                }
                // The alarm was raised while publishing.
                Err(DeadLetterError::Publish(PublishError::Blocked(_))) => {}
                Err(why) => return Some((message, why)),
            }
        }
        message.dead_letter().map(|returned| (returned, DeadLetterError::NoExchange))
    }

    /// Publishes a copy of a message with the reason, and waits for the confirm. The caller settles
    /// the message itself.
    ///
    /// # Errors
    /// The copy is not known to be among the dead letters.
    pub(crate) async fn copy(&self, delivery: &Delivery, reason: &str) -> Result<(), DeadLetterError> {
        self.confirmed(Outgoing::dead_letter(delivery, reason, now())).await
    }

    fn leaves_to_broker(&self, delivery: &Delivery) -> bool {
        delivery.withheld.is_some() || self.publisher.is_blocked()
    }

    /// Publishes a dead letter, and starts the backoff if that fails.
    async fn confirmed(&self, letter: Outgoing) -> Result<(), DeadLetterError> {
        let publishing = async {
            // An unroutable message has closed the connection, and the next one needs a moment. If
            // there is still none, `publish` returns the error.
            let _ = self.publisher.connected_for_orders().await;
            self.publisher.publish(letter).await
        };
        // The publisher has a deadline for the confirm. This one also bounds the time in its queue.
        let published = match timeout(DEAD_LETTER_DEADLINE, publishing).await {
            Ok(published) => published.map_err(DeadLetterError::from),
            Err(_) => Err(DeadLetterError::NotInTime),
        };
        let mut attempts = self.attempts();
        match published {
            Ok(()) => attempts.backoff.reset(),
            Err(_) => attempts.next = Instant::now() + attempts.backoff.next_pause(),
        }
        published
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "when the service gave up on it, for the person who looks")]
fn now() -> Timestamp {
    time::OffsetDateTime::now_utc().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Such as one whose connection is stuck behind other messages.
    #[tokio::test(start_paused = true)]
    async fn a_publisher_that_does_not_answer_is_waited_for_until_the_deadline() {
        let (publisher, _unanswered) = Publisher::unanswering("test");
        let dead_letters = DeadLetterPublisher::new(publisher);
        let began = Instant::now();
        let outcome = dead_letters.confirmed(Outgoing::probe()).await;
        assert!(matches!(outcome, Err(DeadLetterError::NotInTime)), "{outcome:?}");
        assert_eq!(began.elapsed(), DEAD_LETTER_DEADLINE);
        assert!(dead_letters.attempts().next > Instant::now(), "the next one waits for a moment");
    }
}
