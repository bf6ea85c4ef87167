//! Moves messages that can never become a cooked order to the dead letters, for a person to
//! inspect.

use bus::delivery::MAX_BODY;
use bus::orders::LeasedDelivery;
use bus::topology::DEAD_LETTER_QUEUE;
use bus::{DeadLetterPublisher, UntrustedPublisher};
use db::claims::Mismatch;
use domain::order_identity::ParseIdentityError;
use domain::order_message::ParseOrderMessageError;
use domain::{OrderNumber, OrderPointer, OrderType};
use logging::{Log, action};
use runtime::with_causes;

use crate::forwarding::Forwarding;

/// Why a delivery can never become a cooked order.
#[derive(Debug, thiserror::Error)]
pub enum PermanentError {
    #[error(transparent)]
    Untrusted(#[from] UntrustedPublisher),
    #[error(transparent)]
    NotAnOrder(#[from] ParseOrderMessageError),
    #[error("the header x-order-identity {0}")]
    NotAnIdentity(ParseIdentityError),
    #[error("there is no order {0} in the database")]
    Unknown(OrderNumber),
    #[error("order {number} has the status '{status}' in the database, which is none")]
    Unreadable { number: OrderNumber, status: String },
    #[error(
        "the message is about another order that had the number {0} once, before the database was restored or recreated"
    )]
    AnotherOrder(OrderNumber),
    #[error("the message says that order {number} is {said}, and it is {stored}")]
    AnotherType { number: OrderNumber, said: OrderType, stored: OrderType },
    #[error("the items or the total that the message tells are not those of order {0}")]
    OtherContents(OrderNumber),
    #[error("its body of {0} bytes was not taken in: no order has more than {MAX_BODY}")]
    TooLarge(u64),
}

impl PermanentError {
    /// The error for a message that differs from its order's row.
    pub fn mismatch(order: &OrderPointer, what: Mismatch) -> Self {
        let number = order.number;
        match what {
            Mismatch::Identity => Self::AnotherOrder(number),
            Mismatch::Type(stored) => Self::AnotherType { number, said: order.order_type, stored },
            Mismatch::Contents => Self::OtherContents(number),
        }
    }
}

/// Moves the delivery to the dead letters.
///
/// While that fails, the delivery goes to the end of its queue, where it blocks no other order.
/// Returns it if it is already there, or if every way failed.
pub async fn publish(
    held: LeasedDelivery,
    why: &PermanentError,
    dead_letters: &DeadLetterPublisher,
    forwarding: &Forwarding,
    log: &Log,
) -> Option<LeasedDelivery> {
    let refused = match why {
        PermanentError::Untrusted(why) => Some(why),
        _ => None,
    };
    if !dead_letters.takes(&held.delivery) {
        return forwarding.to_the_end(held, refused, log).await;
    }
    let routing_key = held.delivery.routing_key.clone();
    if refused.is_some() {
        let message = format!("The message is not taken; it goes to {DEAD_LETTER_QUEUE}");
        log.error(action::MESSAGE_UNTRUSTED, message, why).detail("routing_key", routing_key).emit_limited();
    } else {
        let message = format!("The message can never be cooked; it goes to {DEAD_LETTER_QUEUE}");
        log.error(action::MESSAGE_PROCESSING_FAILED, message, why).detail("routing_key", routing_key).emit();
    }
    let (held, failure) = dead_letters.publish(held, &with_causes(why)).await?;
    let message = "A dead letter was not confirmed; it waits at the end of its queue";
    log.error(action::RABBITMQ_PUBLISH_FAILED, message, &failure).emit();
    forwarding.to_the_end(held, refused, log).await
}
