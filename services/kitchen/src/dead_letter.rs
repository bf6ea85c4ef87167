//! Messages that can never become a cooked order go where a person looks at them, and out of everybody's way.

use bus::orders::Held;
use bus::topology::DEAD_LETTER_QUEUE;
use bus::{Outgoing, Publisher};
use domain::OrderNumber;
use domain::order_message::NotAnOrderMessage;
use domain::timestamp::Timestamp;
use logging::Log;
use runtime::{Backoff, Shutdown, with_causes};
use tokio::time::sleep;

/// Why a delivery can never become a cooked order.
#[derive(Debug, thiserror::Error)]
pub enum Hopeless {
    #[error(transparent)]
    NotAnOrder(#[from] NotAnOrderMessage),
    #[error("there is no order {0} in the database")]
    Unknown(OrderNumber),
}

/// Publishes the delivery to the dead-letter exchange and acknowledges it once that is confirmed.
/// Gives it back unsettled if the shutdown comes first.
pub async fn bury(
    held: Held,
    why: &Hopeless,
    publisher: &Publisher,
    log: &Log,
    shutdown: &Shutdown,
) -> Option<Held> {
    let message = format!("The message can never be cooked; it goes to {DEAD_LETTER_QUEUE}");
    log.error("message_processing_failed", message, why)
        .detail("routing_key", held.delivery.routing_key.clone())
        .emit();
    let message = Outgoing::dead_letter(&held.delivery, &with_causes(why), now());
    let mut backoff = Backoff::for_server();
    loop {
        shutdown.or(publisher.orders_possible()).await;
        match publisher.publish(message.clone()).await {
            Ok(()) => {
                held.ack();
                return None;
            }
            Err(failure) => {
                log.error(
                    "rabbitmq_publish_failed",
                    "A dead letter was not confirmed; trying again",
                    &failure,
                )
                .emit();
                if shutdown.or(sleep(backoff.next_pause())).await.is_none() {
                    return Some(held);
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "when this worker gave up on it, for the person who looks")]
fn now() -> Timestamp {
    time::OffsetDateTime::now_utc().into()
}
