//! The stream drops status updates that a subscriber has not read.

use amqprs::BasicProperties;
use serde_json::json;
use testkit::{Signal, eventually};

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

#[tokio::test]
async fn the_stream_passes_a_frozen_subscriber() {
    let restaurant = Restaurant::open().await;
    let (stage, broker) = (&restaurant.stage, restaurant.stage.broker().await);
    let limit = json!({"pattern": "^notifications_queue$", "apply-to": "all", "definition": {"max-length-bytes": 1_000_000}});
    let path = format!("/api/policies/{}/little", stage.name);
    let answer =
        stage.servers.rabbitmq_admin().request("PUT", &path, Some(&limit.to_string())).await.unwrap();
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let mut frozen = restaurant.subscriber().start().await;

    let load = restaurant.load();
    load.accepts(20).await;
    frozen.log("notification_received").await;
    frozen.signal(Signal::STOP);
    // Six megabytes of other messages, as fast as the other subscriber reads them.
    let large = "x".repeat(100_000);
    for number in 1..=either(60, 300) {
        broker.publish("notifications_fanout", "", BasicProperties::default(), &large).await;
        eventually("the other subscriber to be behind it", async || {
            (restaurant.subscriber.logged("message_processing_failed").len() >= number).then_some(())
        })
        .await;
    }
    load.accepts(20).await;
    frozen.signal(Signal::CONT);
    let told = frozen.log("notifications_missed").await;
    assert!(told["details"]["at_most"].as_u64() > Some(20), "{told}");
    // The last update before the gap, whatever follows it.
    assert!(told["details"]["sent_after"].is_string(), "{told}");
    let shown = frozen.console().len();
    load.accepts(10).await;
    eventually("the subscriber to go on", async || (frozen.console().len() > shown).then_some(())).await;
    assert_eq!(frozen.stop().await, Some(0));
    let recovery = recovers(&load).await;
    holds_to_the_end("stream drops what a frozen subscriber has not read", restaurant, load, recovery).await;
}
