//! Messages on their way in.

use std::collections::HashMap;

use amqprs::channel::ConsumerMessage;
use amqprs::{BasicProperties, FieldValue, GetOk};
use domain::order_identity::ParseIdentityError;
use domain::timestamp::Timestamp;
use domain::{OrderIdentity, RequestId};
use time::OffsetDateTime;

use crate::headers::{ORDER_IDENTITY, header};

/// Largest body that is taken in, in bytes: more than any order needs. What is larger comes from a
/// stranger, and is thrown away as it arrives, so that a worker's memory is bounded by this times
/// its prefetch.
pub const MAX_BODY: usize = 262_144;

/// A message that was delivered.
#[derive(Debug)]
pub struct Delivery {
    /// The exchange it was published to.
    pub exchange: String,
    /// The key it was published with.
    pub routing_key: String,
    /// What was sent; empty if it was not taken in.
    pub body: Vec<u8>,
    /// It was delivered before, and not settled or put back.
    pub redelivered: bool,
    /// Bytes of a body that was not taken in: more than [`MAX_BODY`].
    pub withheld: Option<u64>,
    pub(crate) properties: BasicProperties,
    /// By which the session that brought it settles it.
    pub(crate) tag: u64,
}

impl Delivery {
    /// `None` if the message has no envelope: then its consumer has ended.
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

    /// One that was fetched, not brought by a consumer.
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

    /// The request that the message belongs to, if it says so in a form that is safe to log.
    pub fn request_id(&self) -> Option<RequestId> {
        self.properties.correlation_id().and_then(|id| RequestId::parse(id))
    }

    /// The identity of the order that the message points to. None if it does not say: a service of
    /// an older version, or a stranger, published it.
    ///
    /// # Errors
    /// What it says is no identity.
    pub fn order_identity(&self) -> Result<Option<OrderIdentity>, ParseIdentityError> {
        match header(&self.properties, ORDER_IDENTITY) {
            None => Ok(None),
            Some(FieldValue::S(text)) => text.as_ref().parse().map(Some),
            Some(_) => Err(ParseIdentityError),
        }
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

    /// When it was sent, if it says so.
    pub(crate) fn sent(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(*self.properties.timestamp().as_ref()?).ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Timestamp)
    }

    /// When it was sent, in seconds since 1970; 0 if it does not say so: it may
    /// be the oldest of all.
    pub(crate) fn sent_at(&self) -> u64 {
        self.properties.timestamp().unwrap_or(0)
    }
}
