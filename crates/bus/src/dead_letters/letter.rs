//! One dead letter: its content, its reason, and its original route.

use amqprs::channel::ConsumerMessage;
use amqprs::{BasicProperties, FieldTable, FieldValue, GetOk};
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::fields;
use super::id::{Counter, Id};
use crate::headers::{DEAD_LETTERED_AT, ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY, REASON};
use crate::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE};
use crate::trust::UNTRUSTED_PUBLISHER;

/// The longest name of an exchange or a routing key, in bytes (AMQP).
const MAX_NAME: usize = 255;
/// RabbitMQ changes this header with each redelivery.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// A message in the queue of dead letters. Anybody may have sent it: any part may be missing or
/// hostile.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its id.
    pub id: Id,
    /// Why it is a dead letter, if it says so.
    pub reason: Option<String>,
    /// Since when it is a dead letter, if it says so.
    pub since: Option<Timestamp>,
    /// Its original route, if it names a usable one.
    pub origin: Option<OriginalRoute>,
    /// AMQP's properties, by name.
    pub properties: Map<String, Value>,
    /// The headers, by name.
    pub headers: Map<String, Value>,
    /// The order number in the body, if the body resembles an order.
    pub order_number: Option<OrderNumber>,
    /// The body. Empty once it was sent again.
    pub body: Vec<u8>,
    pub(super) original: BasicProperties,
    pub(super) tag: u64,
}

/// Where a message was published before it became a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRoute {
    /// The exchange; empty for the default one.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

/// What RabbitMQ delivers along with a message.
pub(super) struct Envelope<'a> {
    pub(super) exchange: &'a str,
    pub(super) routing_key: &'a str,
    pub(super) tag: u64,
}

impl DeadLetter {
    pub(super) fn new(message: ConsumerMessage, ids: &mut Counter) -> Option<Self> {
        let deliver = message.deliver?;
        let envelope = Envelope {
            exchange: deliver.exchange(),
            routing_key: deliver.routing_key(),
            tag: deliver.delivery_tag(),
        };
        let original = message.basic_properties.unwrap_or_default();
        Some(Self::of(&envelope, original, message.content.unwrap_or_default(), ids))
    }

    /// A message from `basic.get`, not from a consumer.
    pub(super) fn fetched(
        envelope: &GetOk,
        original: BasicProperties,
        body: Vec<u8>,
        ids: &mut Counter,
    ) -> Self {
        let envelope = Envelope {
            exchange: envelope.exchange(),
            routing_key: envelope.routing_key(),
            tag: envelope.delivery_tag(),
        };
        Self::of(&envelope, original, body, ids)
    }

    /// Builds it from the parts of a message.
    pub(super) fn of(
        envelope: &Envelope<'_>,
        original: BasicProperties,
        body: Vec<u8>,
        ids: &mut Counter,
    ) -> Self {
        let Envelope { exchange, routing_key, tag } = *envelope;
        let properties = fields::properties(&original);
        let mut headers = fields::headers(&original);
        headers.remove(DELIVERY_COUNT);
        let id = ids.next(&[
            exchange.as_bytes(),
            routing_key.as_bytes(),
            Value::Object(properties.clone()).to_string().as_bytes(),
            Value::Object(headers.clone()).to_string().as_bytes(),
            &body,
        ]);
        let DeathRecord { reason, since, origin } =
            original.headers().map(DeathRecord::read).unwrap_or_default();
        let origin = origin.filter(OriginalRoute::is_usable);
        let order_number = order_number(&body);
        Self { id, reason, since, origin, properties, headers, order_number, body, original, tag }
    }

    /// Whether it was refused because of who sent it, as far as its reason says so.
    pub fn is_untrusted(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| reason.starts_with(UNTRUSTED_PUBLISHER))
    }
}

fn order_number(body: &[u8]) -> Option<OrderNumber> {
    #[derive(Deserialize)]
    struct OrderLike {
        order_number: OrderNumber,
    }
    serde_json::from_slice::<OrderLike>(body).ok().map(|about| about.order_number)
}

impl OriginalRoute {
    /// Whether AMQP can carry the names, and the route does not lead back to the dead letters.
    fn is_usable(&self) -> bool {
        let is_here = self.exchange == DEAD_LETTER_EXCHANGE
            || (self.exchange.is_empty() && self.routing_key == DEAD_LETTER_QUEUE);
        self.exchange.len() <= MAX_NAME && self.routing_key.len() <= MAX_NAME && !is_here
    }
}

/// What the headers say about the message's death.
#[derive(Default)]
struct DeathRecord {
    reason: Option<String>,
    since: Option<Timestamp>,
    origin: Option<OriginalRoute>,
}

impl DeathRecord {
    /// RabbitMQ's own header wins if it is present, because it is the later one. The kitchen
    /// dead-letters only messages without it.
    fn read(headers: &FieldTable) -> Self {
        Self::by_broker(headers).unwrap_or_else(|| Self::by_kitchen(headers))
    }

    /// The headers that [`Outgoing::dead_letter`](crate::Outgoing::dead_letter) writes.
    fn by_kitchen(headers: &FieldTable) -> Self {
        let origin = || {
            Some(OriginalRoute {
                exchange: text(headers, ORIGINAL_EXCHANGE)?,
                routing_key: text(headers, ORIGINAL_ROUTING_KEY)?,
            })
        };
        let since = text(headers, DEAD_LETTERED_AT).and_then(|text| Timestamp::parse(&text));
        Self { reason: text(headers, REASON), since, origin: origin() }
    }

    /// The header `x-death`, which RabbitMQ writes when it dead-letters a message. Newest first.
    fn by_broker(headers: &FieldTable) -> Option<Self> {
        let FieldValue::A(deaths) = field(headers, "x-death")? else { return None };
        let FieldValue::F(death) = Vec::from(deaths.clone()).into_iter().next()? else { return None };
        let origin = || {
            let FieldValue::A(keys) = field(&death, "routing-keys")? else { return None };
            let FieldValue::S(key) = Vec::from(keys.clone()).into_iter().next()? else { return None };
            Some(OriginalRoute { exchange: text(&death, "exchange")?, routing_key: key.into() })
        };
        let since = match field(&death, "time") {
            Some(FieldValue::T(seconds)) => i64::try_from(*seconds).ok(),
            _ => None,
        };
        let since = since.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let reason = text(&death, "reason").unwrap_or_else(|| "dead-lettered".to_owned());
        let queue = text(&death, "queue").unwrap_or_else(|| "unknown".to_owned());
        let reason = Some(format!("{reason} in queue {queue}"));
        Some(Self { reason, since: since.map(Timestamp::from), origin: origin() })
    }
}

fn field<'a>(table: &'a FieldTable, name: &str) -> Option<&'a FieldValue> {
    table.get(&name.try_into().ok()?)
}

fn text(table: &FieldTable, name: &str) -> Option<String> {
    match field(table, name)? {
        FieldValue::S(text) => Some(text.as_ref().clone()),
        _ => None,
    }
}
