//! "Startup and Connection": it ensures that exchange, queue and binding exist. "Context",
//! "Migrations", "API": it needs nothing else.

use amqprs::FieldTable;
use serde_json::json;
use testkit::Stage;

use crate::updates::{EXCHANGE, QUEUE, publish_orders, sentences, shown_until};

#[tokio::test]
async fn the_first_of_all_services_declares_what_it_needs() {
    let stage = Stage::new().await;
    let _subscriber = stage.subscriber().start().await;
    let broker = stage.broker().await;
    let exchange = broker.exchange(EXCHANGE).await;
    assert_eq!((&exchange["type"], &exchange["durable"]), (&json!("fanout"), &json!(true)));
    let queue = broker.queue(QUEUE).await;
    assert_eq!((&queue["type"], &queue["durable"]), (&json!("stream"), &json!(true)));
    let arguments = &queue["arguments"];
    assert_eq!(arguments["x-max-age"], "1D", "{arguments}");
    let bytes = |name: &str| arguments[name].as_u64().unwrap_or_else(|| panic!("no {name}: {arguments}"));
    // Only whole segments are dropped, and the default segment is larger than the limit.
    assert!(bytes("x-stream-max-segment-size-bytes") * 8 <= bytes("x-max-length-bytes"), "{arguments}");
    let bindings = broker.bindings().await;
    let bound = bindings.as_array().unwrap().iter();
    let bound: Vec<_> = bound.filter(|binding| binding["source"] != "").collect();
    assert_eq!(bound.len(), 1, "{bound:?}");
    assert_eq!((&bound[0]["source"], &bound[0]["destination"]), (&json!(EXCHANGE), &json!(QUEUE)));
}

#[tokio::test]
async fn later_services_find_the_declarations_unchanged() {
    let stage = Stage::new().await;
    let _orders = stage.order_service().start().await;
    let _first = stage.subscriber().start().await;
    let second = stage.subscriber().start().await;
    assert!(second.logged("rabbitmq_connection_failed").is_empty());
}

#[tokio::test]
async fn it_needs_no_database() {
    let stage = Stage::new().await;
    let unset = stage.subscriber().without_env("DB_").start().await;
    let unreachable = stage.subscriber().env("DB_HOST", "192.0.2.1").env("DB_PORT", "1").start().await;
    let broker = stage.broker().await;
    publish_orders(&broker, 1..=1).await;
    for subscriber in [unset, unreachable] {
        assert_eq!(shown_until(&subscriber, 1).await, sentences(1..=1));
        assert!(!subscriber.raw_lines().join("\n").contains("PostgreSQL"));
    }
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_reported_and_awaited() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare(QUEUE, FieldTable::new()).await;
    let subscriber = stage.subscriber().ready_at_once().start().await;
    let line = subscriber.logs("rabbitmq_connection_failed", 2).await.remove(0);
    let why = line["error"]["msg"].as_str().unwrap();
    for part in [QUEUE, "PRECONDITION_FAILED", "inequivalent arg", "delete it"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(line["details"]["retry_in_ms"].as_u64().is_some(), "{line}");

    broker.delete(QUEUE).await;
    subscriber.log("rabbitmq_connected").await;
    publish_orders(&broker, 1..=1).await;
    assert_eq!(shown_until(&subscriber, 1).await, sentences(1..=1));
}
