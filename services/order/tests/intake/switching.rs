//! Messages are taken only if somebody says so.

use testkit::Stage;

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
