//! "Message Publishing": what the kitchen gets, byte for byte.

use testkit::broker::Message;
use testkit::orders::{delivery, dine_in, takeout};
use testkit::{Stage, eventually};

use serde_json::json;
use testkit::orders::with;

#[tokio::test]
async fn the_message_is_the_specifications_byte_for_byte() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    let order = json!({
        "customer_name": "John Doe",
        "order_type": "delivery",
        "delivery_address": "123 Main St, City",
        "items": [{"name": "Margherita Pizza", "quantity": 7, "price": 15.99}]
    });
    let number = service.place(&order).await;
    let expected = r#"{"order_number":"NUMBER","customer_name":"John Doe","order_type":"delivery","table_number":null,"delivery_address":"123 Main St, City","items":[{"name":"Margherita Pizza","quantity":7,"price":15.99}],"total_amount":111.93,"priority":10}"#;
    assert_eq!(broker.take("kitchen_delivery_queue").await.body, expected.replace("NUMBER", &number));

    let number = service.place(&dine_in()).await;
    let expected = r#"{"order_number":"NUMBER","customer_name":"Jane Smith","order_type":"dine_in","table_number":12,"delivery_address":null,"items":[{"name":"Steak","quantity":1,"price":29.99}],"total_amount":29.99,"priority":1}"#;
    assert_eq!(broker.take("kitchen_dine_in_queue").await.body, expected.replace("NUMBER", &number));

    let number = service.place(&takeout()).await;
    let expected = r#"{"order_number":"NUMBER","customer_name":"Jane Doe","order_type":"takeout","table_number":null,"delivery_address":null,"items":[{"name":"Margherita Pizza","quantity":1,"price":15.99},{"name":"Caesar Salad","quantity":1,"price":8.99}],"total_amount":24.98,"priority":1}"#;
    assert_eq!(broker.take("kitchen_takeout_queue").await.body, expected.replace("NUMBER", &number));
}

#[tokio::test]
async fn prices_keep_their_cents_and_texts_their_characters() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = with(delivery(), "/delivery_address", json!("Улица \"Ленина\" \\ 1\n🛎"));
    let order = with(order, "/items/0", json!({"name": "Crème brûlée 🍮", "quantity": 2, "price": 50}));
    service.place(&order).await;
    let body = stage.broker().await.take("kitchen_delivery_queue").await.body;
    let expected = r#""delivery_address":"Улица \"Ленина\" \\ 1\n🛎","items":[{"name":"Crème brûlée 🍮","quantity":2,"price":50.00}],"total_amount":100.00,"priority":5}"#;
    assert!(body.ends_with(expected), "{body}");
}

/// The exchange and the key, and every property in one line.
fn envelope(message: &Message) -> String {
    let Message { exchange, routing_key, properties, .. } = message;
    format!(
        "{exchange} {routing_key} mode={:?} priority={:?} id={:?} correlation={:?} type={:?} app={:?} \
         encoding={:?} expiration={:?} reply_to={:?}",
        properties.delivery_mode(),
        properties.priority(),
        properties.message_id(),
        properties.correlation_id(),
        properties.content_type(),
        properties.app_id(),
        properties.content_encoding(),
        properties.expiration(),
        properties.reply_to(),
    )
}

#[tokio::test]
async fn the_message_is_persistent_and_carries_priority_ids_time_and_origin() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for (order, order_type, price, priority) in [
        (dine_in(), "dine_in", json!(29.99), 1),
        (takeout(), "takeout", json!(75), 5),
        (delivery(), "delivery", json!(500), 10),
    ] {
        let order = with(order, "/items/0/price", price);
        let number = service.place(&order).await;
        let message = broker.take(&format!("kitchen_{order_type}_queue")).await;
        let published = service
            .log_where("the order's publication", |line| {
                line["action"] == "order_published" && line["details"]["order_number"] == number.as_str()
            })
            .await;
        let request_id = published["request_id"].as_str().unwrap();
        assert_eq!(
            envelope(&message),
            format!(
                "orders_topic kitchen.{order_type}.{priority} mode=Some(2) priority=Some({priority}) id=Some({number:?}) \
                 correlation=Some({request_id:?}) type=Some(\"application/json\") app=Some(\"order-service\") \
                 encoding=None expiration=None reply_to=None"
            )
        );
        let identity = format!(
            "select identity from order_identities join orders on id = order_id where number = '{number}'"
        );
        assert_eq!(message.header("x-order-identity"), database.value(&identity).await.as_str().unwrap());
        assert_eq!(message.properties.headers().unwrap().as_ref().len(), 1);
        let placed = format!(
            "select floor(extract(epoch from created_at))::bigint from orders where number = '{number}'"
        );
        assert_eq!(database.value(&placed).await, message.properties.timestamp().unwrap());
    }
}

#[tokio::test]
async fn an_order_that_is_placed_before_any_worker_ever_ran_waits_for_it_in_the_queue_of_its_type() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    for order in [dine_in(), takeout(), takeout(), delivery()] {
        service.place(&order).await;
    }
    for (queue, waiting) in [
        ("kitchen_dine_in_queue", 1),
        ("kitchen_takeout_queue", 2),
        ("kitchen_delivery_queue", 1),
        ("kitchen_queue", 0),
        ("kitchen_dlq", 0),
    ] {
        assert_eq!(broker.ready(queue).await, waiting, "{queue}");
    }
    let worker = stage.kitchen_worker("chef_late").start().await;
    worker.logs("order_completed", 4).await;
}

#[tokio::test]
async fn the_outbox_is_empty_once_the_broker_has_confirmed() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for _ in 0..5 {
        service.place(&takeout()).await;
    }
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    // Long before the relay would have looked: nothing was sent twice.
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 5);
}

#[tokio::test]
async fn exchange_and_queues_are_durable_and_ordered_by_priority() {
    let stage = Stage::new().await;
    let _service = stage.order_service().start().await;
    let broker = stage.broker().await;
    let exchange = broker.exchange("orders_topic").await;
    assert_eq!((&exchange["type"], &exchange["durable"]), (&json!("topic"), &json!(true)));
    for queue in ["kitchen_dine_in_queue", "kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_queue"]
    {
        let queue = broker.queue(queue).await;
        assert_eq!(queue["durable"], true, "{queue}");
        assert_eq!(queue["arguments"]["x-max-priority"], 10, "{queue}");
    }
}
