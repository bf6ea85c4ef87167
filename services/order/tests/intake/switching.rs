//! Messages are taken only if somebody says so, and the probes show whether they are.

use amqprs::FieldTable;
use serde_json::json;
use testkit::{Stage, eventually};

use crate::counter::{QUEUE, taking_messages};

#[tokio::test]
async fn without_the_setting_nothing_is_declared_for_messages() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    let broker = stage.broker().await;
    let queues = broker.queue_names().await;
    for queue in ["validated_orders", "order_status_updates", "db_write_order_status"] {
        assert!(!queues.contains(&queue.to_owned()), "{queues:?}");
    }
    assert!(queues.contains(&"kitchen_takeout_queue".to_owned()), "{queues:?}");
    let connections = broker.connection_names().await;
    assert!(connections.iter().all(|name| !name.contains("validated_orders")), "{connections:?}");
}

/// Orders over HTTP go on without messages.
#[tokio::test]
async fn health_shows_whether_messages_are_taken() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    // A strange queue of this name cannot be consumed.
    broker.declare(QUEUE, FieldTable::new()).await;
    let service = taking_messages(&stage).start().await;
    let health = service.until_status("/health", 200).await.json();
    let checks = json!({"database": "healthy", "rabbitmq": "healthy", "intake": "degraded"});
    assert_eq!((&health["status"], &health["checks"]), (&json!("degraded"), &checks));
    assert_eq!(service.get("/readyz").await.status, 200);
    service.place(&testkit::orders::takeout()).await;
    broker.delete(QUEUE).await;
    eventually("messages to be taken", async || {
        let health = service.get("/health").await.json();
        (health["status"] == "healthy" && health["checks"]["intake"] == "healthy").then_some(())
    })
    .await;
}
