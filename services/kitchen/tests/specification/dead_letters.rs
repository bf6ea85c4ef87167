//! "Data validation errors … should be sent to a Dead-Letter Queue".

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::{Value, json};
use testkit::broker::Message;
use testkit::raw_publisher::{self, RawProperties, nested_header, text_header};
use testkit::{Stage, orders};

use crate::observe::{Tap, until, until_none_left, until_waiting};

const DEAD_LETTERS: &str = "kitchen_dlq";

/// A message that is a valid order except for one field.
fn spoilt(message: &Message, pointer: &str, value: Value) -> Vec<u8> {
    orders::with(message.json(), pointer, value).to_string().into_bytes()
}

fn without(message: &Message, field: &str) -> Vec<u8> {
    let mut order = message.json();
    order.as_object_mut().unwrap().remove(field).unwrap();
    order.to_string().into_bytes()
}

#[tokio::test]
async fn an_invalid_message_becomes_a_dead_letter_exactly_once_and_blocks_nothing() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let sent = Tap::on_takeout_orders(&stage).await;
    orders.place(&orders::takeout()).await;
    let good = sent.next().await;
    let hopeless: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "EOF"),
        (b"\xff\xfe\x00\x80".to_vec(), "expected value"),
        (b"null".to_vec(), "invalid type: null"),
        (b"[]".to_vec(), "invalid length 0"),
        (b"{}".to_vec(), "missing field `order_number`"),
        (b"{\"order_number\":".to_vec(), "EOF"),
        ("[".repeat(200_000).into_bytes(), "not an order message"),
        (spoilt(&good, "/order_number", json!("42")), "order number"),
        (spoilt(&good, "/order_number", json!(42)), "invalid type"),
        (spoilt(&good, "/order_number", json!("ORD_20241216_001")), "no order ORD_20241216_001"),
        (spoilt(&good, "/customer_name", json!(null)), "invalid type: null"),
        (spoilt(&good, "/order_type", json!("drone")), "`drone`"),
        (spoilt(&good, "/table_number", json!("seven")), "invalid type"),
        (spoilt(&good, "/items", json!([])), "no items"),
        (spoilt(&good, "/items", json!("pizza")), "invalid type"),
        (spoilt(&good, "/items/0/quantity", json!(-1)), "-1"),
        (spoilt(&good, "/items/0/price", json!("15.99")), "expected a JSON number"),
        (spoilt(&good, "/total_amount", json!({})), "not an order message"),
        (spoilt(&good, "/priority", json!(11)), "11"),
        (without(&good, "order_number"), "missing field `order_number`"),
        (without(&good, "customer_name"), "missing field `customer_name`"),
        (without(&good, "order_type"), "missing field `order_type`"),
        (without(&good, "items"), "missing field `items`"),
        (without(&good, "total_amount"), "missing field `total_amount`"),
        (without(&good, "priority"), "missing field `priority`"),
    ];
    let broker = stage.broker().await;
    for (body, _) in &hopeless {
        broker.publish_bytes("orders_topic", "kitchen.takeout.1", BasicProperties::default(), body).await;
    }
    let behind = orders.place(&orders::takeout()).await;

    let mut service = stage.kitchen_worker("chef_anna").start().await;
    let database = stage.database().await;
    until(&database, &behind, "ready").await;
    until_waiting(&broker, 0).await;
    for (body, part) in &hopeless {
        let dead = broker.take(DEAD_LETTERS).await;
        assert_eq!(dead.body, String::from_utf8_lossy(body), "a dead letter keeps its body");
        let reason = dead.header("x-reason");
        assert!(
            reason.contains(part),
            "{:?}: '{reason}' without '{part}'",
            dead.body.get(..200).unwrap_or(&dead.body)
        );
        assert_eq!(dead.header("x-original-exchange"), "orders_topic");
        assert_eq!(dead.header("x-original-routing-key"), "kitchen.takeout.1");
        assert!(dead.header("x-dead-lettered-at").ends_with('Z'));
        assert_eq!(dead.properties.delivery_mode(), Some(2));
    }
    let lines = service.logs("message_processing_failed", hopeless.len()).await;
    assert_eq!(lines.len(), hopeless.len());
    for (line, (_, part)) in lines.iter().zip(&hopeless) {
        assert_eq!(line["level"], "ERROR");
        assert!(line["error"]["stack"].as_str().unwrap().contains(part), "{line}");
    }
    // None is redelivered when the worker is gone.
    assert_eq!(service.stop().await, Some(0));
    let _next = stage.kitchen_worker("chef_bob").start().await;
    let behind = orders.place(&orders::takeout()).await;
    until(&database, &behind, "ready").await;
    assert_eq!(broker.ready(DEAD_LETTERS).await, 0);
}

/// A body larger than any order is not read, and the broker itself moves the message.
#[tokio::test]
async fn a_too_large_message_is_dead_lettered_without_a_copy_and_blocks_nothing() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let broker = stage.broker().await;
    let body = vec![b'x'; 3_000_000];
    broker.publish_bytes("orders_topic", "kitchen.takeout.10", BasicProperties::default(), &body).await;
    let behind = orders.place(&orders::takeout()).await;
    let mut service = stage.kitchen_worker("chef_anna").start().await;
    until(&stage.database().await, &behind, "ready").await;

    let dead = broker.take(DEAD_LETTERS).await;
    assert_eq!(dead.body.len(), body.len(), "a dead letter keeps its body");
    assert_eq!(dead.header("x-first-death-reason"), "rejected");
    assert_eq!(dead.header("x-first-death-queue"), "kitchen_takeout_queue");
    let line = service.log("message_processing_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("3000000 bytes"), "{line}");
    assert_eq!(service.stop().await, Some(0));
    until_waiting(&broker, 0).await;
}

#[tokio::test]
async fn a_dead_letter_keeps_the_ids_of_its_message_and_does_not_expire() {
    let stage = Stage::new().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let broker = stage.broker().await;
    let properties = BasicProperties::default()
        .with_message_id("message-1")
        .with_correlation_id("evening-7")
        .with_content_type("text/plain")
        .with_app_id("till")
        .with_priority(10)
        .with_expiration("60000")
        .finish();
    broker.publish("orders_topic", "kitchen.dine_in.10", properties, "a pizza, please").await;
    let dead = broker.take(DEAD_LETTERS).await;
    let kept = &dead.properties;
    assert_eq!(kept.message_id().unwrap(), "message-1");
    assert_eq!(kept.correlation_id().unwrap(), "evening-7");
    assert_eq!(kept.content_type().unwrap(), "text/plain");
    assert_eq!(kept.app_id().unwrap(), "till");
    assert_eq!(kept.expiration(), None);
    assert_eq!(service.log("message_processing_failed").await["request_id"], "evening-7");
}

#[tokio::test]
async fn a_message_without_a_safe_correlation_id_gets_a_new_request_id() {
    let stage = Stage::new().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let broker = stage.broker().await;
    for id in ["", "two words", "{\"forged\": true}\n", &"x".repeat(200)] {
        let properties = BasicProperties::default().with_correlation_id(id).finish();
        broker.publish("orders_topic", "kitchen.dine_in.1", properties, "?").await;
    }
    for line in service.logs("message_processing_failed", 4).await {
        let id = line["request_id"].as_str().unwrap().strip_prefix("message-").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    }
}

#[tokio::test]
async fn a_dead_letter_waits_in_its_queue_until_the_dead_letter_queue_exists() {
    let stage = Stage::new().await;
    let mut service = stage.kitchen_worker("chef_anna").start().await;
    // All connections have declared their queues.
    service.logs("rabbitmq_connected", 3).await;
    let broker = stage.broker().await;
    broker.delete(DEAD_LETTERS).await;
    // The worker would declare it again; a foreign queue of the same name prevents that.
    let mut strange = FieldTable::new();
    strange.insert("x-max-length".try_into().unwrap(), FieldValue::I(1));
    broker.declare(DEAD_LETTERS, strange).await;
    broker.publish("orders_topic", "kitchen.takeout.1", BasicProperties::default(), "?").await;
    let failed = service.log("rabbitmq_publish_failed").await;
    assert!(failed["error"]["msg"].as_str().unwrap().contains("no queue"), "{failed}");
    assert_eq!(service.stop().await, Some(0));
    until_waiting(&broker, 1).await;
    broker.delete(DEAD_LETTERS).await;
    let _next = stage.kitchen_worker("chef_anna").start().await;
    assert_eq!(broker.take(DEAD_LETTERS).await.body, "?");
    until_waiting(&broker, 0).await;
}

#[tokio::test]
async fn properties_that_no_client_can_read_block_nothing() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let broker = stage.broker().await;
    let hostile = [
        RawProperties::default().headers(&text_header(b"na\xefve", b"latin-1: \xe9\xe8")),
        RawProperties::default().message_id(&[0xe9; 255]),
        RawProperties::default().headers(&nested_header(5_000)),
    ];
    for properties in &hostile {
        let (key, body) = (b"kitchen.takeout.10", b"not an order");
        raw_publisher::publish(&stage.servers, &stage.name, "orders_topic", key, properties, body).await;
    }
    // With the highest priority, so that they are delivered first.
    let number = orders.place(&orders::takeout()).await;
    let mut worker = stage.kitchen_worker("chef_anna").start().await;
    until(&stage.database().await, &number, "ready").await;
    for _ in &hostile {
        assert_eq!(broker.take(DEAD_LETTERS).await.body, "not an order");
    }
    assert_eq!(worker.logged("rabbitmq_connection_failed").len(), 0);
    assert_eq!(worker.stop().await, Some(0));
    until_none_left(&broker).await;
}

/// A worker with one prefetch slot must not hold a message that it cannot forward.
#[tokio::test]
async fn a_message_that_cannot_be_dead_lettered_waits_behind_all_orders() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let mut service = stage.kitchen_worker("chef_anna").arg("--prefetch=1").start().await;
    service.logs("rabbitmq_connected", 3).await;
    let broker = stage.broker().await;
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy("full", DEAD_LETTERS, full).await;
    let urgent = BasicProperties::default().with_priority(10).with_message_id("garbage").finish();
    for _ in 0..3 {
        broker.publish("orders_topic", "kitchen.takeout.10", urgent.clone(), "no order").await;
    }
    let failed = service.log("rabbitmq_publish_failed").await;
    assert!(failed["error"]["msg"].as_str().unwrap().contains("rejected"), "{failed}");
    for _ in 0..3 {
        let number = orders.place(&orders::takeout()).await;
        until(&database, &number, "ready").await;
    }
    assert_eq!(broker.messages(&[DEAD_LETTERS]).await, 0);

    // None is lost.
    broker.clear_policy("full").await;
    for _ in 0..3 {
        let dead = broker.take(DEAD_LETTERS).await;
        assert_eq!(
            (dead.body.as_str(), dead.header("x-original-exchange").as_str()),
            ("no order", "orders_topic")
        );
        assert_eq!(dead.header("x-original-routing-key"), "kitchen.takeout.10");
        assert_eq!(dead.properties.message_id().unwrap(), "garbage");
    }
    until_none_left(&broker).await;
    assert_eq!(service.stop().await, Some(0));
}

/// Under an alarm nothing can be published, but the broker can still move rejected messages. No
/// order waits behind them for the end of the alarm.
#[tokio::test]
async fn under_an_alarm_no_order_waits_behind_an_invalid_message() {
    let mut stage = Stage::with_own_servers().await;
    let service = stage.order_service().start().await;
    service.declared_all().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for _ in 0..3 {
        let first = BasicProperties::default().with_priority(10).finish();
        broker.publish("orders_topic", "kitchen.takeout.10", first, "no order").await;
    }
    let number = service.place(&orders::takeout()).await;
    let raise = "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1}).";
    let said = stage.own_servers().rabbitmq.console().evaluate(raise).await.unwrap();
    assert!(said.starts_with("{ok,"), "{said}");
    let worker = stage.kitchen_worker("chef").arg("--prefetch=1").start().await;
    until(&database, &number, "ready").await;
    testkit::eventually("all dead letters", async || (broker.ready(DEAD_LETTERS).await == 3).then_some(()))
        .await;
    let reasons = worker.logged("message_processing_failed");
    assert!(reasons.len() == 3 && reasons[2]["error"]["msg"].is_string(), "{reasons:?}");
    let clear = "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1500000000}).";
    stage.own_servers().rabbitmq.console().evaluate(clear).await.unwrap();
    // Messages that were published before the alarm was known may be read now. They were not
    // confirmed, so each is published at most once more.
    service.place(&orders::takeout()).await;
    assert!(broker.take(DEAD_LETTERS).await.header("x-first-death-reason").contains("rejected"));
}

#[tokio::test]
async fn an_order_whose_row_cannot_be_read_harms_no_other() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let mut spoilt = Vec::new();
    for status in ["null", "'burnt'"] {
        let number = orders.place(&orders::takeout_of("150.00")).await;
        database.execute(&format!("update orders set status = {status} where number = '{number}'")).await;
        spoilt.push((number, status.trim_matches('\'')));
    }
    let mut good = Vec::new();
    for _ in 0..5 {
        good.push(orders.place(&orders::takeout()).await);
    }
    let service = stage.kitchen_worker("chef_anna").arg("--prefetch=1").start().await;
    for number in &good {
        until(&database, number, "ready").await;
    }
    let broker = stage.broker().await;
    for (number, status) in &spoilt {
        let dead = broker.take(DEAD_LETTERS).await;
        let reason = format!("order {number} has the status '{status}' in the database");
        assert!(dead.header("x-reason").contains(&reason), "{dead:?}");
    }
    until_none_left(&broker).await;
    for action in ["db_connection_failed", "db_query_failed"] {
        assert_eq!(service.logged(action).len(), 0, "{action}");
    }
}
