//! A stream that drops unread messages: the subscriber reports how many it missed. And repeats are
//! recognised, however many messages lie between them.

use std::time::Duration;

use serde_json::json;
use testkit::{Broker, Signal, Stage, eventually};

use crate::updates::{QUEUE, cooking, publish, publish_as, publish_orders, sentences, shown_until};

/// Publishes updates of some thousand bytes each. A segment of the stream holds about fifty.
async fn publish_large(broker: &Broker, places: impl IntoIterator<Item = u32>) {
    for place in places {
        let mut update = cooking(place);
        update["note"] = json!("x".repeat(20_000));
        publish(broker, &update).await;
    }
}

/// Limits the stream to a megabyte.
async fn keep_little(stage: &Stage) {
    let body = json!({"pattern": format!("^{QUEUE}$"), "apply-to": "all", "definition": {"max-length-bytes": 1_000_000}});
    let path = format!("/api/policies/{}/little", stage.name);
    let answer = stage.servers.rabbitmq_admin().request("PUT", &path, Some(&body.to_string())).await.unwrap();
    assert!((200..300).contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn messages_dropped_during_a_lost_connection_are_counted_and_reported() {
    const MANY: u32 = 400;
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let proxy = stage.rabbitmq_proxy().await;
    stage.subscriber().start().await.stop().await;
    keep_little(&stage).await;
    let subscriber = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    publish_orders(&broker, 1..=5).await;
    shown_until(&subscriber, 5).await;
    proxy.cut();
    subscriber.log("rabbitmq_connection_failed").await;
    publish_large(&broker, 6..=MANY).await;
    proxy.mend();
    let shown = shown_until(&subscriber, MANY).await;
    let told = subscriber.log("notifications_missed").await;
    assert_eq!(told["level"], "ERROR");
    let missed = MANY as usize - shown.len();
    assert!(missed > 100, "{missed} are missing");
    let at_most = told["details"]["at_most"].as_u64().unwrap();
    // The broker uses one position of every segment itself.
    assert!((missed as u64..=missed as u64 + 20).contains(&at_most), "{missed}: {told}");
    let [from, to] = ["first_offset", "last_offset"].map(|field| told["details"][field].as_u64().unwrap());
    assert_eq!(to - from + 1, at_most, "{told}");
    assert!(told["details"]["sent_after"].is_null(), "these messages do not say when they were sent: {told}");
    assert!(told["message"].as_str().unwrap().contains("/orders/{order_number}/history"), "{told}");
    assert_eq!(subscriber.logged("notifications_missed").len(), 1);
}

#[tokio::test]
async fn messages_dropped_before_a_slow_subscriber_are_reported_and_new_segments_are_not() {
    const MANY: u32 = 1_500;
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    // Some segments, all of them read.
    publish_large(&broker, 1..=300).await;
    shown_until(&subscriber, 300).await;
    assert!(subscriber.logged("notifications_missed").is_empty());
    keep_little(&stage).await;
    subscriber.signal(Signal::STOP);
    publish_large(&broker, 301..=MANY).await;
    // Wait until the broker has dropped messages that the subscriber has not received.
    eventually("the stream to be short", async || (broker.ready(QUEUE).await < 700).then_some(())).await;
    subscriber.signal(Signal::CONT);
    let shown = shown_until(&subscriber, MANY).await;
    let missed = MANY as usize - shown.len();
    assert!(missed > 100, "{missed} are missing");
    let told = subscriber.log("notifications_missed").await;
    assert!(told["details"]["at_most"].as_u64().unwrap() >= missed as u64, "{missed}: {told}");
}

#[tokio::test]
async fn a_repeat_is_recognised_after_ten_thousand_others() {
    const OTHERS: u32 = 10_050;
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    publish_as(&broker, "repeated", &cooking(1).to_string()).await;
    publish_orders(&broker, 2..=OTHERS).await;
    publish_as(&broker, "repeated", &cooking(1).to_string()).await;
    publish_orders(&broker, [OTHERS + 1]).await;
    assert_eq!(shown_until(&subscriber, OTHERS + 1).await, sentences(1..=OTHERS + 1));
    tokio::time::timeout(Duration::from_mins(1), subscriber.logs("notification_repeated", 1)).await.unwrap();
}
