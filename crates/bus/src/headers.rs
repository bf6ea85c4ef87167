//! Headers of messages and arguments of declarations: AMQP field tables.

use amqprs::{BasicProperties, FieldTable, FieldValue, LongStr};

/// Header of an order and of its dead letter: the identity of the order that the message points to.
pub(crate) const ORDER_IDENTITY: &str = "x-order-identity";
/// Header of every message of a request that is in a trace (W3C Trace Context).
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Header of a dead letter: the reason.
pub(crate) const REASON: &str = "x-reason";
/// Header of a dead letter: the exchange it was published to.
pub(crate) const ORIGINAL_EXCHANGE: &str = "x-original-exchange";
/// Header of a dead letter: the routing key it was published with.
pub(crate) const ORIGINAL_ROUTING_KEY: &str = "x-original-routing-key";
/// Header of a dead letter, and of a copy of a message that was refused for its sender: who
/// published it. Its `user_id` is who moved it.
pub(crate) const ORIGINAL_USER: &str = "x-original-user";
/// Header of a dead letter: when it became one.
pub(crate) const DEAD_LETTERED_AT: &str = "x-dead-lettered-at";

/// The most bytes of headers that a copy keeps. They must fit into a frame.
const MAX_PLAIN: usize = 32_768;

/// Headers with which RabbitMQ routes a message, or says where it died.
const BROKERS: [&str; 3] = ["CC", "BCC", "x-death"];

/// The texts and numbers of a received table, built anew. Left out are lists and tables: what could
/// not be decoded is missing in them, and their lengths no longer fit. What does not fit in is left
/// out too.
pub(crate) fn plain(received: &FieldTable) -> FieldTable {
    /// More than the length of a name, a kind and a number take.
    const OVERHEAD: usize = 16;
    let (mut kept, mut left) = (FieldTable::new(), MAX_PLAIN);
    for (name, value) in received.as_ref() {
        let value = match value {
            FieldValue::A(_) | FieldValue::F(_) | FieldValue::x(_) => continue,
            FieldValue::S(received) => text(received.as_ref()),
            number => number.clone(),
        };
        let name: &String = name.as_ref();
        let length = if let FieldValue::S(text) = &value { text.as_ref().len() } else { 0 };
        let size = OVERHEAD + name.len() + length;
        if size <= left && !BROKERS.contains(&name.as_str()) {
            left -= size;
            insert(&mut kept, name, value);
        }
    }
    kept
}

/// Returns the header of this name.
pub(crate) fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a FieldValue> {
    properties.headers()?.get(&name.try_into().ok()?)
}

/// Adds a field. Names are our own constants, far below AMQP's limit of 255 bytes.
pub(crate) fn insert(table: &mut FieldTable, name: &str, value: FieldValue) {
    if let Ok(name) = name.try_into() {
        table.insert(name, value);
    }
}

/// A text as a field value. AMQP's limit is 4 GiB, which no text here reaches.
pub(crate) fn text(text: &str) -> FieldValue {
    LongStr::try_from(text).map_or(FieldValue::V, FieldValue::S)
}
