//! A message points to a row. Its other fields are compared with that row before the order is
//! cooked.

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::{Value, json};
use testkit::broker::Message;
use testkit::orders::{self, dine_in, takeout};
use testkit::{Launch, Stage, eventually};

use crate::observe::{Tap, cooked_by, history, until, until_none_left};

const DEAD_LETTERS: &str = "kitchen_dlq";

/// Removes all orders, like a recreated database or an older backup.
const RECREATED: &str = "delete from order_items; delete from order_status_log; delete from order_outbox;
     delete from orders; delete from order_counters";

/// The properties without the identity header, as the previous version published them.
fn anonymous(message: &Message) -> BasicProperties {
    let original = &message.properties;
    BasicProperties::default()
        .with_message_id(original.message_id().unwrap())
        .with_correlation_id(original.correlation_id().unwrap())
        .finish()
}

fn with_identity(message: &Message, identity: FieldValue) -> BasicProperties {
    let mut headers = FieldTable::new();
    headers.insert("x-order-identity".try_into().unwrap(), identity);
    anonymous(message).with_headers(headers).finish()
}

#[tokio::test]
async fn a_message_from_before_the_database_was_recreated_is_a_dead_letter() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let number = service.place(&takeout()).await;
    eventually("a settled outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    database.execute(RECREATED).await;
    assert_eq!(service.place(&dine_in()).await, number, "the test needs the same number once more");

    let mut specialist = stage.kitchen_worker("chef_luca").arg("--order-types=takeout").start().await;
    let line = specialist.log("message_processing_failed").await;
    assert!(line["error"]["stack"].as_str().unwrap().contains("another order that had the number"), "{line}");
    eventually("a dead letter", async || (broker.ready(DEAD_LETTERS).await == 1).then_some(())).await;
    assert_eq!(history(&database, &number).await.len(), 1, "nobody has touched the other order");
    assert_eq!(specialist.stop().await, Some(0));

    // Sent back, it is delivered once more, and is not taken for the new order's message.
    let worker = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &number, "ready").await;
    let replay = Launch::new("restaurant-ctl", stage.environment()).arg("dlq").arg("replay").arg("--all");
    let ended = replay.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    worker.log("message_processing_failed").await;
    until_none_left(&broker).await;
    let dead = broker.take(DEAD_LETTERS).await;
    assert!(dead.header("x-reason").contains(&format!("another order that had the number {number}")));
    assert_eq!(dead.json()["order_type"], "takeout");
    assert_eq!(broker.ready(DEAD_LETTERS).await, 0);
    assert_eq!(worker.logged("message_processing_failed").len(), 1, "it does not loop");
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
}

#[tokio::test]
async fn a_message_that_differs_from_its_order_is_a_dead_letter_and_the_order_is_cooked() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let sent = Tap::on_takeout_orders(&stage).await;
    let number = service.place(&takeout()).await;
    let good = sent.next().await;
    let spoilt = |pointer: &str, value: Value| orders::with(good.json(), pointer, value).to_string();
    let own = || good.properties.clone();
    let text = |text: &str| FieldValue::S(text.try_into().unwrap());
    let wrong = [
        (own(), spoilt("/order_type", json!("dine_in")), "is dine_in, and it is takeout"),
        (own(), spoilt("/items/0/name", json!("Caviar")), "items or the total"),
        (own(), spoilt("/items/0/name", json!("nul \u{0}")), "items or the total"),
        (own(), spoilt("/items/0/quantity", json!(9)), "items or the total"),
        (own(), spoilt("/items/0/price", json!(0.01)), "items or the total"),
        (own(), spoilt("/total_amount", json!(0.01)), "items or the total"),
        (anonymous(&good), spoilt("/order_type", json!("dine_in")), "is dine_in, and it is takeout"),
        (anonymous(&good), spoilt("/total_amount", json!(0.01)), "items or the total"),
        (anonymous(&good), spoilt("/items/0/name", json!("Caviar")), "items or the total"),
        (
            with_identity(&good, text("019acea0-4000-7fff-bfff-ffffffffffff")),
            good.body.clone(),
            "another order that had the number",
        ),
        (with_identity(&good, text("?")), good.body.clone(), "x-order-identity is not the identity"),
        (with_identity(&good, FieldValue::I(1)), good.body.clone(), "x-order-identity is not the identity"),
    ];
    // Removes its own message, which would be queued behind these.
    broker.purge("kitchen_takeout_queue").await;
    for (properties, body, _) in &wrong {
        broker.publish("orders_topic", "kitchen.takeout.1", properties.clone(), body).await;
    }
    sent.repeat(&good).await;
    let worker = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &number, "ready").await;
    until_none_left(&broker).await;
    worker.logs("message_processing_failed", wrong.len()).await;
    let mut reasons = Vec::new();
    while let Some(dead) = broker.take_now(DEAD_LETTERS).await {
        reasons.push(dead.header("x-reason"));
    }
    assert_eq!(reasons.len(), wrong.len(), "{reasons:?}");
    for (_, _, reason) in &wrong {
        let place = reasons.iter().position(|found| found.contains(reason));
        reasons.remove(place.unwrap_or_else(|| panic!("'{reason}' in none of {reasons:?}")));
    }
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
}

#[tokio::test]
async fn a_message_of_the_previous_version_is_cooked_if_it_agrees_with_the_rows() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let sent = Tap::on_takeout_orders(&stage).await;
    let priced = orders::with(takeout(), "/items/0/price", json!(60));
    let named = orders::with(priced, "/items/0/name", json!("Crème brûlée"));
    let mut numbers = Vec::new();
    let mut messages = Vec::new();
    for order in [takeout(), named] {
        numbers.push(service.place(&order).await);
        messages.push(sent.next().await);
    }
    broker.purge("kitchen_takeout_queue").await;
    for message in &messages {
        // A long-waiting order has the highest priority, its first message a lower one.
        let lifted = orders::with(message.json(), "/priority", json!(10)).to_string();
        broker.publish("orders_topic", "kitchen.takeout.10", anonymous(message), &lifted).await;
    }
    // As the migration writes it.
    let migrated = "update order_identities set identity = gen_random_uuid(), contents = null";
    database.execute(migrated).await;
    let _worker = stage.kitchen_worker("chef_anna").start().await;
    for number in &numbers {
        until(&database, number, "ready").await;
    }
    until_none_left(&broker).await;
    assert_eq!(broker.ready(DEAD_LETTERS).await, 0);
}
