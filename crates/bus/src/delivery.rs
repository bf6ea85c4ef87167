//! Messages on their way in.

use std::collections::HashMap;

use amqprs::channel::ConsumerMessage;
use amqprs::{BasicProperties, FieldValue};
use domain::RequestId;
use tokio::sync::mpsc;

/// A message that was delivered and waits to be settled.
///
/// One that is dropped unsettled stays with this consumer until its session ends; then the broker delivers it again.
#[derive(Debug)]
pub struct Delivery {
    /// The exchange it was published to.
    pub exchange: String,
    /// The key it was published with.
    pub routing_key: String,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// What was sent.
    pub body: Vec<u8>,
    pub(crate) properties: BasicProperties,
    pub(crate) receipt: Receipt,
}

/// How to settle a delivery: with the session that brought it, which may be gone.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) tag: u64,
    pub(crate) settlements: mpsc::UnboundedSender<Settlement>,
}

/// What shall become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Remove it.
    Ack(u64),
    /// Put it back where it was, for anybody.
    Requeue(u64),
}

impl Delivery {
    pub(crate) fn new(
        message: ConsumerMessage,
        settlements: mpsc::UnboundedSender<Settlement>,
    ) -> Option<Self> {
        let deliver = message.deliver?;
        Some(Self {
            exchange: deliver.exchange().clone(),
            routing_key: deliver.routing_key().clone(),
            redelivered: deliver.redelivered(),
            body: message.content.unwrap_or_default(),
            properties: message.basic_properties.unwrap_or_default(),
            receipt: Receipt { tag: deliver.delivery_tag(), settlements },
        })
    }

    /// The request that the message belongs to, if it says so in a form that is safe to log.
    pub fn request_id(&self) -> Option<RequestId> {
        self.properties.correlation_id().and_then(|id| RequestId::parse(id))
    }

    /// The id by which repeats are known.
    pub fn message_id(&self) -> Option<&str> {
        self.properties.message_id().map(String::as_str)
    }

    /// Its place in a stream.
    pub(crate) fn stream_offset(&self) -> Option<i64> {
        let headers: &HashMap<_, _> = self.properties.headers()?.as_ref();
        match headers.iter().find(|(name, _)| name.as_ref() == "x-stream-offset")?.1 {
            FieldValue::l(offset) => Some(*offset),
            _ => None,
        }
    }

    /// The broker's priority, 0 if there is none.
    pub(crate) fn priority(&self) -> u8 {
        self.properties.priority().unwrap_or(0)
    }

    /// Done with: the broker removes it. If its session is gone, the broker delivers it again instead.
    pub fn ack(self) {
        self.settle(Settlement::Ack);
    }

    /// Not done: the broker gives it to anybody, at its old place in the queue.
    pub fn requeue(self) {
        self.settle(Settlement::Requeue);
    }

    fn settle(self, settlement: fn(u64) -> Settlement) {
        // A session that ended settles nothing; the broker has taken the message back already.
        let _ = self.receipt.settlements.send(settlement(self.receipt.tag));
    }
}
