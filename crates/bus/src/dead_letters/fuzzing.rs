//! Fuzzes everything in a message besides its body: bytes that AMQP's decoder accepts, and what is
//! made of them.

use amqp_serde::types::{FieldArray, FieldTable, FieldValue};
use amqprs::BasicProperties;
use fuzz::Fuzz;

use super::id::Counter;
use super::letter::{DeadLetter, Envelope};
use crate::Delivery;
use crate::headers::{DEAD_LETTERED_AT, ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY, REASON, insert, text};

/// AMQP's properties follow 12 bytes of a content header: class, weight and body size.
const HEADER: usize = 12;

const TOKENS: &[&str] = &[
    "x-death",
    "x-stream-offset",
    "x-delivery-count",
    "F\0\0\0\x05\x01aF\0\0",
    "A\0\0\0\x05A\0\0\0\0",
    "S\0\0\0\x02ab",
    "l\0\0\0\0\0\0\0\x01",
    "t\x01",
    "V",
    "x\0\0\0\x01a",
    "T\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}",
    "9999-12-31T23:59:59-23:59",
    "\u{7f}\u{7f}\u{7f}\u{7f}",
    "\x04time",
    "D\x05\0\0\0\x01",
    "d\0\0\0\0\0\0\0\0",
];

/// Headers as the kitchen and as RabbitMQ write them into a dead letter.
fn corpus() -> Vec<Vec<u8>> {
    let mut by_kitchen = FieldTable::new();
    for (name, value) in [
        (REASON, "not an order"),
        (ORIGINAL_EXCHANGE, "orders"),
        (ORIGINAL_ROUTING_KEY, "kitchen.takeout.1"),
        (DEAD_LETTERED_AT, "2024-12-16T10:32:00.000Z"),
    ] {
        insert(&mut by_kitchen, name, text(value));
    }
    let mut death = FieldTable::new();
    for (name, value) in [("queue", "kitchen"), ("reason", "maxlen"), ("exchange", "orders")] {
        insert(&mut death, name, text(value));
    }
    insert(&mut death, "time", FieldValue::T(1_734_345_120));
    insert(&mut death, "count", FieldValue::l(1));
    insert(&mut death, "routing-keys", FieldValue::A(array(vec![text("kitchen.takeout.1")])));
    let mut by_broker = FieldTable::new();
    insert(&mut by_broker, "x-death", FieldValue::A(array(vec![FieldValue::F(death)])));
    insert(&mut by_broker, "x-stream-offset", FieldValue::l(42));
    [by_kitchen, by_broker]
        .into_iter()
        .filter_map(|headers| {
            let mut properties = BasicProperties::default();
            properties
                .with_content_type("application/json")
                .with_correlation_id("0d9d1c6e1f5d4b8e")
                .with_message_id("ORD_20241216_001")
                .with_priority(5)
                .with_timestamp(1_734_345_120)
                .with_headers(headers);
            amqp_serde::to_bytes(&properties.finish()).ok()
        })
        .collect()
}

fn array(values: Vec<FieldValue>) -> FieldArray {
    values.try_into().unwrap_or_else(|_| FieldArray::new())
}

fn look_at(properties: &BasicProperties) {
    let envelope = Envelope { exchange: "", routing_key: "kitchen", tag: 1 };
    let letter = DeadLetter::of(&envelope, properties.clone(), b"{}".to_vec(), &mut Counter::default());
    if let Some(since) = letter.since {
        // `dlq list` shows it.
        assert!(since.to_string().ends_with('Z'));
    }
    if let Some(origin) = &letter.origin {
        assert!(origin.exchange.len() <= 255 && origin.routing_key.len() <= 255);
    }
    assert!(
        serde_json::to_string(&letter.headers).is_ok() && serde_json::to_string(&letter.properties).is_ok()
    );
    let delivery = Delivery {
        exchange: String::new(),
        routing_key: String::new(),
        body: Vec::new(),
        properties: properties.clone(),
        withheld: None,
        redelivered: false,
        tag: 1,
    };
    let _ =
        (delivery.request_id(), delivery.message_id(), delivery.stream_offset(), delivery.order_identity());
    let _ = delivery.trace();
    assert!(delivery.priority() > 0 || properties.priority().is_none_or(|priority| priority == 0));
}

#[test]
fn properties_and_headers() {
    let bytes = corpus();
    let empty = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/properties");
    Fuzz::new("AMQP properties and headers", empty, TOKENS).and(bytes).run(|input| {
        if let Ok(properties) = amqp_serde::from_bytes::<BasicProperties>(input) {
            look_at(&properties);
        }
        // Every other kind of value that a frame may hold.
        if let Some(rest) = input.get(HEADER..) {
            let _ = amqp_serde::from_bytes::<FieldTable>(rest);
            let _ = amqp_serde::from_bytes::<FieldValue>(rest);
        }
    });
}
