//! Deliveries that this worker does not cook, on their way to another queue or to the end of
//! their own. None of them may keep a place in the worker from the orders behind it for
//! longer than a few seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::orders::Held;
use bus::{Outgoing, PublishError, Publisher};
use domain::OrderMessage;
use logging::Log;
use runtime::Backoff;
use tokio::time::{Instant, timeout};

/// Longest wait for the connection, which a message that no queue took ends.
const CONNECTION_WAIT: Duration = Duration::from_secs(1);

/// Publishes them; cheap to clone.
#[derive(Clone)]
pub struct Forwarding {
    publisher: Publisher,
    attempts: Arc<Mutex<Attempts>>,
}

/// When the next dead letter may be published. There may be thousands that all fail
/// for the same reason.
struct Attempts {
    next: Instant,
    backoff: Backoff,
}

impl Forwarding {
    pub fn new(publisher: Publisher) -> Self {
        let attempts = Attempts { next: Instant::now(), backoff: Backoff::for_server() };
        Self { publisher, attempts: Arc::new(Mutex::new(attempts)) }
    }

    /// Whether it is time to publish a dead letter: none has failed of late.
    pub fn takes_dead_letters(&self) -> bool {
        Instant::now() >= self.attempts.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Whether the broker takes nothing for now: it has an alarm.
    pub fn is_blocked(&self) -> bool {
        self.publisher.is_blocked()
    }

    /// Publishes a dead letter, and remembers how that went.
    ///
    /// # Errors
    /// It is not known to have been taken over.
    pub async fn dead_letter(&self, letter: Outgoing) -> Result<(), PublishError> {
        let outcome = self.publish(letter).await;
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => attempts.backoff.reset(),
            Err(_) => attempts.next = Instant::now() + attempts.backoff.next_pause(),
        }
        outcome
    }

    /// Sends an order of another type to the queue of its type. Gives it back if
    /// that cannot be done.
    pub async fn to_its_type(&self, held: Held, order: &OrderMessage, log: &Log) -> Option<Held> {
        match Outgoing::for_its_type(&held.delivery, order) {
            Some(message) => self.hand_on(held, message, log).await,
            None => Some(held),
        }
    }

    /// Sends a delivery to the end of its queue. Gives it back if it is there already, or
    /// that cannot be done.
    pub async fn to_the_end(&self, held: Held, log: &Log) -> Option<Held> {
        match Outgoing::for_the_end(&held.delivery) {
            Some(message) => self.hand_on(held, message, log).await,
            None => Some(held),
        }
    }

    async fn hand_on(&self, held: Held, message: Outgoing, log: &Log) -> Option<Held> {
        let (from, to) = (held.delivery.routing_key.clone(), message.routing_key().to_owned());
        let (left, said) = match self.publish(message).await {
            Ok(()) => {
                held.ack();
                (None, "The message was handed on".to_owned())
            }
            Err(why) => (Some(held), format!("The message could not be handed on: {why}")),
        };
        log.debug("message_forwarded", said).detail("routing_key", from).detail("to", to).emit();
        left
    }

    async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        // Where there is no connection by then, publishing says so.
        let _ = timeout(CONNECTION_WAIT, self.publisher.orders_possible()).await;
        self.publisher.publish(message).await
    }
}
