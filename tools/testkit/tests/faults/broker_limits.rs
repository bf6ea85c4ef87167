//! Messages that are too large: for the broker, or for their consumers.

use amqprs::BasicProperties;
use serde_json::json;
use testkit::{Service, eventually};

use crate::load::Response;
use crate::restaurant::Restaurant;
use crate::verdict::{closes, holds, recovers};

/// RabbitMQ's default limit in bytes.
const DEFAULT_LIMIT: usize = 134_217_728;
/// Half of a worker container's memory limit.
const MOST_MEMORY: u64 = 128 << 20;

#[tokio::test]
async fn messages_that_are_too_large() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    let load = restaurant.load();
    load.accepts(20).await;
    limit_messages(&mut restaurant, 2_000).await;
    // A channel learns its limit when it is opened: two connections of each order service, three of
    // each worker, one of the subscriber, and this one.
    restaurant.stage.broker().await.close_all_connections(12).await;
    load.accepts(20).await;
    let before = load.attempts().len();
    let service = &restaurant.order_services[0];
    // The first one closes its channel; the others are refused before they are published.
    for number in 0..5 {
        let answer = service.post("/orders", &large_order(number)).await;
        assert_eq!(answer.status, 500, "order {number}: {answer:?}");
    }
    load.accepts(20).await;
    let refused: Vec<_> = load.attempts()[before..]
        .iter()
        .filter(|attempt| !matches!(attempt.response, Response::Accepted(_)))
        .cloned()
        .collect();
    assert!(refused.is_empty(), "others were refused with it: {refused:?}");
    let closed = |service: &Service| {
        let lines = service.logged("rabbitmq_connection_failed");
        lines.iter().filter(|line| line.to_string().contains("max_message_size")).count()
    };
    assert_eq!(closed(service), 1, "it was tried again and again");
    limit_messages(&mut restaurant, DEFAULT_LIMIT).await;
    let recovery = recovers(&load).await;
    holds("orders larger than RabbitMQ's max_message_size", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    load.accepts(10).await;
    let broker = restaurant.stage.broker().await;
    let body = vec![b'x'; 60_000_000];
    for key in ["kitchen.takeout.1", "kitchen.dine_in.10"] {
        broker.publish_bytes("orders_topic", key, BasicProperties::default(), &body).await;
    }
    eventually("both among the dead letters", async || {
        (broker.ready("kitchen_dlq").await == 2).then_some(())
    })
    .await;
    for cook in &restaurant.cooks {
        let most = most_memory(cook);
        assert!(most < MOST_MEMORY, "a cook took {most} bytes of memory");
    }
    broker.purge("kitchen_dlq").await;
    broker.close().await;
    let recovery = recovers(&load).await;
    holds("messages of 60 MB in the kitchen's queues", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

async fn limit_messages(restaurant: &mut Restaurant, bytes: usize) {
    let set = format!("application:set_env(rabbit, max_message_size, {bytes}).");
    let said = restaurant.stage.own_servers().rabbitmq.console().evaluate(&set).await.unwrap();
    assert!(said.starts_with("{ok,"), "{said}");
}

/// A valid order whose message has more than 2,000 bytes.
fn large_order(number: usize) -> String {
    let items = vec![json!({"name": "山".repeat(50), "quantity": 1, "price": 1.0}); 20];
    let customer = format!("Guest of many {number}");
    json!({"customer_name": customer, "order_type": "takeout", "items": items}).to_string()
}

/// The peak memory of a process, in bytes.
fn most_memory(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
