//! "Display Notification", and the "Expected Log Output" beside it.

use serde_json::json;
use testkit::Stage;

use crate::updates::{cooking, publish, publish_as};

#[tokio::test]
async fn the_console_shows_the_sentence_and_the_log_the_line_of_the_specification() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    publish(&stage.broker().await, &cooking(1)).await;
    let line = subscriber.log("notification_received").await;
    assert_eq!(
        subscriber.console(),
        [
            "Notification for order ORD_20241216_001: Status changed from 'received' to 'cooking' by chef_mario."
        ]
    );
    let text = subscriber.raw_lines().pop().unwrap();
    let (timestamp, hostname) = (line["timestamp"].as_str().unwrap(), line["hostname"].as_str().unwrap());
    assert_eq!(
        text,
        format!(
            r#"{{"timestamp":"{timestamp}","level":"DEBUG","service":"notification-subscriber","hostname":"{hostname}","request_id":"a1b2c3d4e5f6","action":"notification_received","message":"Received status update for order ORD_20241216_001","details":{{"order_number":"ORD_20241216_001","new_status":"cooking"}}}}"#
        )
    );
}

#[tokio::test]
async fn every_status_change_has_its_sentence() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    let changes = [
        ("received", "cooking", "chef_mario"),
        ("cooking", "ready", "chef_mario"),
        ("ready", "completed", "José O'Neill-2"),
        ("received", "cancelled", "order-service"),
    ];
    for (old_status, new_status, changed_by) in changes {
        let mut update = cooking(1);
        update["old_status"] = json!(old_status);
        update["new_status"] = json!(new_status);
        update["changed_by"] = json!(changed_by);
        update["estimated_completion"] = json!(null);
        publish(&broker, &update).await;
    }
    subscriber.logs("notification_received", changes.len()).await;
    let expected = changes.map(|(old, new, by)| {
        format!("Notification for order ORD_20241216_001: Status changed from '{old}' to '{new}' by {by}.")
    });
    assert_eq!(subscriber.console(), expected);
}

#[tokio::test]
async fn fields_of_a_newer_kitchen_are_ignored() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    let mut update = cooking(1);
    update["mood"] = json!("good");
    publish_as(&stage.broker().await, "1", &update.to_string()).await;
    subscriber.notification("'received' to 'cooking'").await;
}

#[tokio::test]
async fn with_a_higher_log_level_the_console_still_shows_everything() {
    let stage = Stage::new().await;
    let mut subscriber = stage.subscriber().env("LOG_LEVEL", "info").start().await;
    publish(&stage.broker().await, &cooking(1)).await;
    subscriber.notification("ORD_20241216_001").await;
    assert_eq!(subscriber.stop().await, Some(0));
    assert!(subscriber.logged("notification_received").is_empty());
}
