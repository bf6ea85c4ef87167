//! Messages that vanish from the broker are sent again; orders that wait for too long go before all others.

use testkit::orders::{takeout, takeout_of};
use testkit::{Stage, eventually};

#[tokio::test]
async fn an_order_whose_message_was_purged_is_cooked_all_the_same() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let lost = service.place(&takeout()).await;
    broker.purge("kitchen_takeout_queue").await;
    let message = broker.take("kitchen_takeout_queue").await;
    assert_eq!(message.json()["order_number"], lost.as_str());
    let line = service.log("order_sent_again").await;
    assert_eq!(line["details"]["order_number"], lost.as_str());
    // And once more, after a longer pause, for as long as nobody takes it.
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], lost.as_str());

    let _worker = stage.kitchen_worker("chef").start().await;
    let ready = "select count(*) from orders where status = 'ready'";
    eventually("it to be ready", async || (database.value(ready).await == 1).then_some(())).await;
    assert_eq!(database.value("select count(*) from order_status_log where status = 'cooking'").await, 1);
    eventually("the notes to be gone", async || {
        (database.value("select count(*) from order_sweeps").await == 0).then_some(())
    })
    .await;
}

/// As after a power cut: a hundred at a look would take a minute.
#[tokio::test]
async fn a_broker_that_has_lost_thousands_is_filled_again_at_once() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "3").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    service.place(&takeout()).await;
    broker.purge("kitchen_takeout_queue").await;
    database
        .execute(
            "insert into orders (created_at, number, customer_name, type, total_amount, priority)
             select now() - interval '1 minute', 'ORD_20200101_' || place, 'Ada Lovelace', 'takeout', 8.99, 1
             from generate_series(1001, 5000) as place",
        )
        .await;
    database
        .execute(
            "insert into order_items (order_id, name, quantity, price)
             select id, 'Caesar Salad', 1, 8.99 from orders where number like 'ORD_2020%'",
        )
        .await;
    eventually("a message of each", async || {
        (broker.ready("kitchen_takeout_queue").await == 4_001).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_and_filled_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let broker = stage.broker().await;
    let number = service.place(&takeout()).await;
    broker.delete("kitchen_takeout_queue").await;
    service.log("order_sent_again").await;
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], number.as_str());
}

#[tokio::test]
async fn orders_that_only_wait_are_not_sent_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    for _ in 0..3 {
        service.place(&takeout()).await;
    }
    database.execute("update orders set created_at = now() - interval '5 minutes'").await;
    // The sweeper has looked when it has seen that this one, of another queue, is lost.
    service.place(&testkit::orders::delivery()).await;
    broker.purge("kitchen_delivery_queue").await;
    service.log("order_sent_again").await;
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 3);
    assert_eq!(service.logged("order_sent_again").len(), 1);
}

#[tokio::test]
async fn an_order_with_a_dead_cook_and_no_message_is_sent_again() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let number = service.place(&takeout()).await;
    let mut dead = stage.kitchen_worker("dead").cooking_seconds(60.0).start().await;
    dead.log("order_processing_started").await;
    dead.kill().await;
    eventually("the message to be back", async || {
        (broker.ready("kitchen_takeout_queue").await == 1).then_some(())
    })
    .await;
    broker.purge("kitchen_takeout_queue").await;
    let _worker = stage.kitchen_worker("alive").start().await;
    let ready = format!("select count(*) from orders where number = '{number}' and status = 'ready'");
    eventually("it to be ready", async || (database.value(&ready).await == 1).then_some(())).await;
}

#[tokio::test]
async fn an_order_that_waited_for_too_long_goes_before_more_expensive_ones() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("KITCHEN_MAX_WAIT", "1").start().await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    let cheap = service.place(&takeout_of("1.00")).await;
    assert_eq!(broker.take("kitchen_takeout_queue").await.properties.priority(), Some(1));
    let lifted = broker.take("kitchen_takeout_queue").await;
    assert_eq!(
        (lifted.json()["order_number"].as_str(), lifted.properties.priority()),
        (Some(cheap.as_str()), Some(10))
    );
    assert_eq!(lifted.routing_key, "kitchen.takeout.10");
    assert_eq!(lifted.json()["priority"], 10);
    assert_eq!(database.value("select priority from orders").await, 10);
    assert_eq!(service.logs("order_lifted", 1).await.len(), 1, "once is enough");
}
