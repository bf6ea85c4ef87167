//! Received messages.

use std::collections::HashMap;

use amqprs::channel::ConsumerMessage;
use amqprs::{BasicProperties, FieldValue, GetOk};
use domain::order_identity::ParseIdentityError;
use domain::timestamp::Timestamp;
use domain::{OrderIdentity, RequestId, TraceParent};
use telemetry::traces::{Caller, Span, conventions};
use time::OffsetDateTime;

use crate::headers::{ORDER_IDENTITY, ORIGINAL_USER, TRACEPARENT, header};

/// The largest body that is kept, in bytes: more than any order needs. A larger body is discarded
/// while it arrives. So a worker's memory is bounded by this times its prefetch.
pub const MAX_BODY: usize = 262_144;

/// A received message.
#[derive(Debug)]
pub struct Delivery {
    /// The exchange it was published to.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The body. Empty if it was discarded.
    pub body: Vec<u8>,
    /// RabbitMQ delivered it before, and got no acknowledgement.
    pub redelivered: bool,
    /// The size in bytes of a discarded body: more than [`MAX_BODY`].
    pub withheld: Option<u64>,
    pub(crate) properties: BasicProperties,
    /// The delivery tag. It is valid in the session that received the message.
    pub(crate) tag: u64,
}

impl Delivery {
    /// Returns `None` for a message without an envelope: its consumer has ended.
    pub(crate) fn new(message: ConsumerMessage) -> Option<Self> {
        let deliver = message.deliver?;
        Some(Self {
            exchange: deliver.exchange().clone(),
            routing_key: deliver.routing_key().clone(),
            body: message.content.unwrap_or_default(),
            redelivered: deliver.redelivered(),
            withheld: message.withheld,
            properties: message.basic_properties.unwrap_or_default(),
            tag: deliver.delivery_tag(),
        })
    }

    /// A message from `basic.get`, not from a consumer.
    pub(crate) fn fetched(envelope: &GetOk, properties: BasicProperties, body: Vec<u8>) -> Self {
        Self {
            exchange: envelope.exchange().clone(),
            routing_key: envelope.routing_key().clone(),
            body,
            redelivered: envelope.redelivered(),
            withheld: None,
            properties,
            tag: envelope.delivery_tag(),
        }
    }

    /// The request that the message belongs to, with its place in a trace. `None` without a
    /// correlation id that is safe to log.
    pub fn request_id(&self) -> Option<RequestId> {
        let id = self.properties.correlation_id().and_then(|id| RequestId::parse(id))?;
        Some(id.with_trace(self.trace()))
    }

    /// Its place in a trace, if it says so.
    pub fn trace(&self) -> Option<TraceParent> {
        match self.header(TRACEPARENT)? {
            FieldValue::S(text) => TraceParent::parse(text.as_ref()),
            _ => None,
        }
    }

    /// Begins the span of its processing, after what the caller says of its trace. `queue` is where
    /// it was, if that is known. What is done for it has the id that this returns.
    pub fn begin_span(&self, queue: &'static str, caller: Caller, id: RequestId) -> (RequestId, Span) {
        let message = conventions::Message {
            exchange: &self.exchange,
            routing_key: &self.routing_key,
            message_id: self.message_id().unwrap_or_default(),
            size: self.body.len(),
        };
        let span = conventions::consume(&message, queue, caller, &id);
        (span.around(id.with_trace(caller.trace())), span)
    }

    /// The identity of the order that the message points to. `None` without the header: a service
    /// of an older version published it, or another program.
    ///
    /// # Errors
    /// The header is not an identity.
    pub fn order_identity(&self) -> Result<Option<OrderIdentity>, ParseIdentityError> {
        match header(&self.properties, ORDER_IDENTITY) {
            None => Ok(None),
            Some(FieldValue::S(text)) => text.as_ref().parse().map(Some),
            Some(_) => Err(ParseIdentityError),
        }
    }

    /// The id by which repeats are recognised.
    pub fn message_id(&self) -> Option<&str> {
        self.properties.message_id().map(String::as_str)
    }

    /// Who published it, as RabbitMQ checked. `None`: it does not say.
    pub fn user_id(&self) -> Option<&str> {
        self.properties.user_id().map(String::as_str)
    }

    /// Who published it before it was moved, if whoever moved it says so. What is no text is
    /// nobody.
    pub(crate) fn original_user(&self) -> Option<&str> {
        let FieldValue::S(user) = self.header(ORIGINAL_USER)? else { return Some("") };
        let user: &String = user.as_ref();
        Some(user)
    }

    /// Where an answer to the message is awaited: the name of a queue.
    pub fn reply_to(&self) -> Option<&str> {
        self.properties.reply_to().map(String::as_str)
    }

    /// What an answer to the message repeats, so that its receiver knows what it answers.
    pub fn correlation_id(&self) -> Option<&str> {
        self.properties.correlation_id().map(String::as_str)
    }

    /// The message's offset in a stream.
    pub(crate) fn stream_offset(&self) -> Option<i64> {
        match self.header("x-stream-offset")? {
            FieldValue::l(offset) => Some(*offset),
            _ => None,
        }
    }

    /// A header. Unlike a look-up by its name, this takes no memory.
    fn header(&self, wanted: &str) -> Option<&FieldValue> {
        let headers: &HashMap<_, _> = self.properties.headers()?.as_ref();
        headers.iter().find(|(name, _)| name.as_ref() == wanted).map(|(_, value)| value)
    }

    /// The AMQP priority; 0 without one.
    pub(crate) fn priority(&self) -> u8 {
        self.properties.priority().unwrap_or(0)
    }

    /// The timestamp of the message, if it has one.
    pub(crate) fn sent(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(*self.properties.timestamp().as_ref()?).ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Timestamp)
    }

    /// The timestamp in seconds since 1970. 0 without one, because it may be the oldest message.
    pub(crate) fn sent_at(&self) -> u64 {
        self.properties.timestamp().unwrap_or(0)
    }
}
