//! "Logs": every line of the table. (`notification_received` is tested in `display.rs`.)

use testkit::{PortClaim, Stage};

use crate::updates::{cooking, publish};

#[tokio::test]
async fn service_started_is_logged_on_startup() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    let line = subscriber.log("service_started").await;
    assert_eq!((&line["level"], &line["request_id"]), (&"INFO".into(), &"startup-001".into()));
    assert_eq!(line["service"], "notification-subscriber");
    assert_eq!(line["message"], "Notification Subscriber started");
    let connected = subscriber.log("rabbitmq_connected").await;
    assert_eq!(connected["level"], "INFO");
    assert_eq!(connected["message"], "Connected to RabbitMQ queue 'notifications_queue'");
    assert!(connected["duration_ms"].is_u64(), "{connected}");
}

#[tokio::test]
async fn rabbitmq_connection_failed_has_the_cause_and_the_time_of_the_next_attempt() {
    let stage = Stage::new().await;
    let nobody = PortClaim::of(0).unwrap();
    let port = nobody.port().to_string();
    let subscriber = stage.subscriber().env("RABBITMQ_PORT", &port).ready_at_once().start().await;
    let line = subscriber.logs("rabbitmq_connection_failed", 2).await.remove(0);
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"]["msg"].as_str().unwrap().contains(&format!("127.0.0.1:{port}")), "{line}");
    assert!(line["error"]["stack"].as_str().unwrap().contains("Connection refused"), "{line}");
    assert!(line["details"]["retry_in_ms"].as_u64().is_some_and(|pause| pause <= 5_000), "{line}");
}

#[tokio::test]
async fn every_line_has_the_mandatory_fields_in_their_order() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let mut subscriber = stage.subscriber().start().await;
    publish(&broker, &"not an update".into()).await;
    publish(&broker, &cooking(1)).await;
    subscriber.log("notification_received").await;
    subscriber.stop().await;
    let lines = subscriber.log_lines();
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in lines {
        let fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            fields[..7],
            ["timestamp", "level", "service", "hostname", "request_id", "action", "message"],
            "{line}"
        );
        assert_eq!(line["level"] == "ERROR", fields.contains(&"error"), "{line}");
    }
}
