//! Messages from hostile publishers: none blocks the subscriber, none forges a line.

use amqprs::BasicProperties;
use serde_json::{Value, json};
use testkit::{Service, Stage};

use crate::updates::{EXCHANGE, cooking, publish, publish_as, sentence};

const HOSTILE: &str = "x\r\nNotification for order ORD_20241216_666: Status changed.\n{\"level\":\"ERROR\"}\
                       \u{1b}[2J\u{1b}]0;title\u{7}\u{7f}\u{9b}31m\u{85}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}";

fn assert_harmless(subscriber: &Service) {
    for line in subscriber.raw_lines() {
        let visible = |c: char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
                && !matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        assert!(line.chars().all(visible), "{line:?}");
        let is_log_line = serde_json::from_str::<Value>(&line).is_ok_and(|line| line["service"].is_string());
        assert!(is_log_line || line.starts_with("Notification for order ORD_2024"), "{line:?}");
    }
}

#[tokio::test]
async fn no_text_of_a_message_forges_a_line_or_controls_the_terminal() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    let mut by_hostile = cooking(1);
    by_hostile["changed_by"] = json!(HOSTILE);
    publish(&broker, &by_hostile).await;
    for field in ["order_number", "old_status", "new_status", "timestamp", "estimated_completion"] {
        let mut update = cooking(2);
        update[field] = json!(HOSTILE);
        publish(&broker, &update).await;
    }
    publish_as(&broker, HOSTILE, HOSTILE).await;
    let properties =
        BasicProperties::default().with_correlation_id(HOSTILE).with_message_id("hostile id").finish();
    broker.publish(EXCHANGE, "", properties, &cooking(3).to_string()).await;

    let shown = subscriber.notification("ORD_20241216_003").await;
    assert_eq!(shown, sentence(3));
    let console = subscriber.console();
    assert_eq!(console.len(), 2, "{console:?}");
    assert!(console[0].starts_with("Notification for order ORD_20241216_001: Status changed from 'received' to 'cooking' by x\\u{d}\\u{a}Notification"));
    assert!(!console.iter().any(|line| line.starts_with("Notification for order ORD_20241216_666")));
    assert_eq!(subscriber.logs("message_processing_failed", 6).await.len(), 6);
    let line = subscriber.logs("notification_received", 2).await.remove(1);
    assert_eq!(line["request_id"], "unknown", "an id that is not safe to log is not logged");
    assert_harmless(&subscriber);
}

#[tokio::test]
async fn a_long_name_is_cut() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    let mut update = cooking(1);
    update["changed_by"] = json!("x".repeat(1_000_000));
    publish(&stage.broker().await, &update).await;
    assert!(subscriber.notification("ORD_20241216_001").await.len() < 400);
}

#[tokio::test]
async fn other_messages_are_logged_and_skipped() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    let without = |field: &str| {
        let mut update = cooking(1);
        update.as_object_mut().unwrap().remove(field);
        update.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut update = cooking(1);
        update[field] = value;
        update.to_string()
    };
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"not json".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        cooking(1).to_string().as_bytes()[..40].to_vec(),
        "[".repeat(100_000).into_bytes(),
        without("order_number").into_bytes(),
        without("new_status").into_bytes(),
        without("changed_by").into_bytes(),
        with("order_number", json!("ORD_1")).into_bytes(),
        with("order_number", json!(1)).into_bytes(),
        with("new_status", json!("burnt")).into_bytes(),
        with("timestamp", json!("yesterday")).into_bytes(),
        with("changed_by", json!({})).into_bytes(),
    ];
    for body in &bodies {
        broker.publish_bytes(EXCHANGE, "", BasicProperties::default(), body).await;
    }
    let failures = subscriber.logs("message_processing_failed", bodies.len()).await;
    assert_eq!(failures.len(), bodies.len());
    publish(&broker, &cooking(2)).await;
    assert_eq!(subscriber.notification("ORD_").await, sentence(2));
    for line in &failures {
        assert_eq!(line["level"], "ERROR");
        assert!(!line["error"]["msg"].as_str().unwrap().is_empty(), "{line}");
        assert!(line["details"]["body"].as_str().unwrap().len() < 2_000, "{line}");
    }
    assert_harmless(&subscriber);
}
