//! Publishes deliveries that this worker does not cook: to another queue, or to the end of their
//! own. Each occupies a prefetch slot for a few seconds at most.

use std::time::Duration;

use bus::orders::LeasedDelivery;
use bus::{Outgoing, PublishError, Publisher, UntrustedPublisher};
use domain::OrderMessage;
use logging::{Log, action};
use tokio::time::timeout;

/// Longest wait for a connection. A returned message (no queue took it) closes the connection, and
/// the next one needs a moment.
const CONNECTION_WAIT: Duration = Duration::from_secs(1);

/// Forwards deliveries. Cheap to clone.
#[derive(Clone)]
pub struct Forwarding(pub Publisher);

impl Forwarding {
    /// Publishes an order of another type to the queue of its type. Returns the delivery if that
    /// fails.
    pub async fn to_its_type(
        &self,
        held: LeasedDelivery,
        order: &OrderMessage,
        log: &Log,
    ) -> Option<LeasedDelivery> {
        match Outgoing::for_its_type(&held.delivery, order) {
            Some(message) => self.hand_on(held, message, log).await,
            None => Some(held),
        }
    }

    /// Publishes a delivery to the end of its queue; one that was `refused` for its sender as what
    /// it is. Returns the delivery if it is already there, or if publishing fails.
    pub async fn to_the_end(
        &self,
        held: LeasedDelivery,
        refused: Option<&UntrustedPublisher>,
        log: &Log,
    ) -> Option<LeasedDelivery> {
        let Some(message) = Outgoing::for_the_end(&held.delivery) else { return Some(held) };
        let message = match refused {
            Some(why) => message.refused_for(why),
            None => message,
        };
        self.hand_on(held, message, log).await
    }

    async fn hand_on(&self, held: LeasedDelivery, message: Outgoing, log: &Log) -> Option<LeasedDelivery> {
        let (from, to) = (held.delivery.routing_key.clone(), message.routing_key().to_owned());
        let (left, said) = match self.publish(message).await {
            Ok(()) => {
                held.ack();
                (None, "The message was forwarded".to_owned())
            }
            Err(why) => (Some(held), format!("The message could not be forwarded: {why}")),
        };
        log.debug(action::MESSAGE_FORWARDED, said).detail("routing_key", from).detail("to", to).emit();
        left
    }

    async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        // If there is still no connection, `publish` returns the error.
        let _ = timeout(CONNECTION_WAIT, self.0.orders_possible()).await;
        self.0.publish(message).await
    }
}
