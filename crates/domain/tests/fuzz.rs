//! Fuzzes the bodies that clients and foreign programs can send, over HTTP and through the broker.
//! None may panic, take long, or be misread.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use domain::idempotency::IdempotencyKey;
use domain::place_order::{self, MAX_ITEMS, Rejection};
use domain::{Money, OrderMessage, OrderNumber, Priority, RequestId, StatusUpdate};
use fuzz::{Fuzz, MAX_BYTES};

/// The longest list of violations, in bytes: some for each item and a few for the order, whatever
/// was sent.
const MAX_ANSWER: usize = 16 * 1024;

const TOKENS: &[&str] = &[
    "customer_name",
    "order_type",
    "table_number",
    "delivery_address",
    "items",
    "name",
    "quantity",
    "price",
    "takeout",
    "dine_in",
    "delivery",
    "order_number",
    "ORD_20241216_001",
    "total_amount",
    "priority",
    "old_status",
    "new_status",
    "changed_by",
    "timestamp",
    "estimated_completion",
    "received",
    "cooking",
    "ready",
    "null",
    "true",
    "1e400",
    "-0.0",
    "1e-400",
    "9007199254740993",
    "999.99",
    "0.001",
    "99999999999999999999999999",
    "[[[[[[[[",
    "{\"",
    "}",
    "\\u0000",
    "\\ud800",
    "\\u202e",
    "\u{202e}",
    "\u{301}",
    "\u{200c}",
    "\u{3164}",
    "2024-12-16T10:32:00Z",
    "9999-12-31T23:59:60.999999999+23:59",
    "{\"items\":",
];

fn corpus(folder: &str) -> String {
    format!("{}/tests/corpus/{folder}", env!("CARGO_MANIFEST_DIR"))
}

fn judge(body: &[u8]) {
    match place_order::parse(body) {
        Ok(order) => {
            assert!((1..=MAX_ITEMS).contains(&order.items.len()));
            let total: Money = order.items.iter().map(|item| item.price.times(item.quantity)).sum();
            assert_eq!(order.total_amount, total);
            assert_eq!(order.priority, Priority::of_total(&total));
            let texts = order.items.iter().map(|item| &item.name).chain([&order.customer_name]);
            assert!(texts.into_iter().all(|text| !text.is_empty() && !text.chars().any(char::is_control)));
            // The kitchen parses what the order service wrote.
            let message = OrderMessage::of("ORD_20241216_001".parse().unwrap(), &order);
            let written = serde_json::to_vec(&message).unwrap();
            assert_eq!(OrderMessage::parse(&written).unwrap(), message);
            assert_eq!(place_order::parse(body).unwrap(), order);
        }
        Err(Rejection::Malformed(why)) => assert!(why.len() < 1_000, "{why}"),
        Err(Rejection::Invalid(violations)) => {
            assert!(!violations.is_empty());
            let answer = serde_json::to_vec(&violations).unwrap();
            assert!(answer.len() < MAX_ANSWER, "{} bytes of answer", answer.len());
        }
    }
}

#[test]
fn http_bodies_and_headers() {
    Fuzz::new("HTTP bodies and headers", &corpus("http"), TOKENS).run(|input| {
        judge(input);
        for line in input.split(|byte| *byte == b'\n') {
            if let Ok(key) = IdempotencyKey::parse(line) {
                assert!(
                    key.as_str().len() <= line.len()
                        && key.as_str().bytes().all(|byte| byte.is_ascii_graphic())
                );
            }
            let Ok(text) = std::str::from_utf8(line) else { continue };
            if let Ok(number) = text.parse::<OrderNumber>() {
                assert_eq!(number.to_string(), text);
            }
            if let Some(id) = RequestId::parse(text) {
                assert!(id.to_string().len() <= text.len() && !text.chars().any(char::is_control));
            }
        }
    });
}

#[test]
fn message_bodies() {
    Fuzz::new("message bodies", &corpus("amqp"), TOKENS).run(|input| {
        assert!(input.len() <= MAX_BYTES);
        if let Ok(order) = OrderMessage::parse(input) {
            assert!(!order.items.is_empty());
            let written = serde_json::to_vec(&order).unwrap();
            assert_eq!(OrderMessage::parse(&written).unwrap(), order);
        }
        if let Ok(update) = serde_json::from_slice::<StatusUpdate>(input) {
            let written = serde_json::to_vec(&update).unwrap();
            // Timestamps are written with milliseconds, whatever was read.
            let again: StatusUpdate = serde_json::from_slice(&written).unwrap();
            assert_eq!(serde_json::to_vec(&again).unwrap(), written);
            assert!(update.message_id().len() < 100);
        }
    });
}
