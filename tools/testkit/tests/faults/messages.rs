//! Messages that are repeated, out of sequence, misrouted, or invalid.

use std::collections::BTreeMap;
use std::time::Duration;

use amqprs::BasicProperties;
use rand::seq::SliceRandom as _;
use serde_json::json;
use testkit::broker::Message;
use testkit::{Broker, DEADLINE, eventually};
use tokio::time::{Instant, sleep};

use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{closes, holds, recovers};

const QUEUES: [&str; 4] =
    ["kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_dine_in_queue", "kitchen_queue"];

/// Publishes directly to a queue, bypassing the exchanges.
async fn put(broker: &Broker, queue: &str, message: &Message, body: &str) {
    broker.publish_bytes("", queue, message.properties.clone(), body.as_bytes()).await;
}

async fn taken(broker: &Broker, queue: &str, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.push(broker.take(queue).await);
    }
    messages
}

#[tokio::test]
async fn repeated_disordered_misplaced_and_future_messages() {
    let mut restaurant = Restaurant::open().await;
    let broker = restaurant.stage.broker().await;
    let copies = broker.tap("orders_topic", "kitchen.#").await;
    for cook in &mut restaurant.cooks {
        assert_eq!(cook.stop().await, Some(0));
    }
    let load = restaurant.load();
    load.accepts(either(60, 600)).await;

    // Three times each, in any sequence; then two workers at once.
    let mut messages = taken(&broker, &copies, either(60, 600)).await;
    let originals = messages.clone();
    messages.extend(originals.clone());
    messages.shuffle(&mut rand::rng());
    for message in &messages {
        let queue = message.routing_key.split('.').nth(1).unwrap();
        put(&broker, &format!("kitchen_{queue}_queue"), message, &message.body).await;
    }
    restaurant.replace_cook(0).await;
    restaurant.replace_cook(1).await;

    // A wrong type in a typed queue, with a worker that cooks only that type.
    let specialist = restaurant.cook("chef_luca").arg("--order-types=takeout");
    restaurant.cooks.push(specialist.start().await);
    let dine_in = originals.iter().find(|message| message.routing_key.contains("dine_in")).unwrap();
    for _ in 0..5 {
        put(&broker, "kitchen_takeout_queue", dine_in, &dine_in.body).await;
    }

    // From a later version: with further fields and headers.
    for message in originals.iter().take(10) {
        let mut future = message.json();
        future["allergens"] = json!(["nuts", {"severity": 3}]);
        future["items"][0]["sides"] = json!([[], {}]);
        put(&broker, "kitchen_queue", message, &future.to_string()).await;
    }
    let recovery = recovers(&load).await;
    // Orders of other types are requeued as long as that worker runs.
    let mut specialist = restaurant.cooks.pop().unwrap();
    assert_eq!(specialist.stop().await, Some(0));
    holds("messages thrice, disordered, misplaced, from the future", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn malformed_messages_in_every_queue_become_dead_letters_exactly_once() {
    let mut restaurant = Restaurant::open().await;
    let broker = restaurant.stage.broker().await;
    let load = restaurant.load();
    load.accepts(10).await;
    let each = either(250, 10_000);
    // Otherwise regular orders of high priority would always come first.
    let urgent = BasicProperties::default().with_priority(10).finish();
    let mut expected = BTreeMap::<String, usize>::new();
    for queue in QUEUES {
        for number in 0..each {
            let body = match number % 5 {
                0 => format!("{{\"order_number\": \"ORD_20200101_{number:03}\", \"queue\": \"{queue}\"}}"),
                1 => format!("{queue} {number}"),
                2 => format!("[{number}, \"{queue}\""),
                3 => "[".repeat(100 + number) + queue,
                // Alternately an order that does not exist, and invalid bytes.
                _ => json!({
                    "order_number": format!("ORD_20200101_{:04}", 1_000 + number), "customer_name": queue,
                    "order_type": "takeout", "table_number": null, "delivery_address": null,
                    "items": [{"name": "Ghost", "quantity": 1, "price": 1.5}], "total_amount": 1.5, "priority": 1
                })
                .to_string(),
            };
            broker.publish_bytes("", queue, urgent.clone(), body.as_bytes()).await;
            *expected.entry(body).or_default() += 1;
        }
    }
    for number in 0..each {
        let body = format!("{{\"order_number\": {number}");
        broker.publish_bytes("notifications_fanout", "", BasicProperties::default(), body.as_bytes()).await;
    }
    let total: usize = expected.values().sum();
    // Each dead letter exists exactly once, and regular orders are served in the meantime.
    let mut found = BTreeMap::<String, usize>::new();
    let mut waited = Instant::now();
    while found.values().sum::<usize>() < total && waited.elapsed() < DEADLINE {
        if let Some(dead) = broker.take_now("kitchen_dlq").await {
            assert!(!dead.header("x-reason").is_empty());
            *found.entry(dead.body).or_default() += 1;
            waited = Instant::now();
        } else {
            sleep(Duration::from_millis(20)).await;
        }
    }
    let missing: Vec<_> = expected.iter().filter(|(body, count)| found.get(*body) != Some(*count)).collect();
    assert!(
        missing.is_empty(),
        "of {total}, {} are not there as often as they should: {missing:?}",
        missing.len()
    );
    assert_eq!(found, expected, "each exactly once");
    eventually("the subscriber to have skipped all", async || {
        (restaurant.subscriber.logged("message_processing_failed").len() >= each).then_some(())
    })
    .await;
    let recovery = recovers(&load).await;
    let scenario = format!("{total} malformed messages in the kitchen's queues");
    holds(&scenario, &mut restaurant, load, recovery).await;
    assert!(restaurant.cooks.len() == COOKS.len());
    closes(restaurant).await;
}
