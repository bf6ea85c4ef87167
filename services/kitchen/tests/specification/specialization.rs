//! "Worker Specialization".

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::broker::Message;
use testkit::{Service, Stage, eventually, orders};

use crate::observe::{Tap, cooked_by, history, order, until, until_none_left, waiting};

#[tokio::test]
async fn a_specialised_worker_cooks_its_types_and_leaves_the_others_waiting() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let takeout = orders.place(&orders::takeout()).await;
    let first = orders.place(&orders::dine_in()).await;
    let delivery = orders.place(&orders::delivery()).await;
    let _service = stage.kitchen_worker("chef_mario").arg("--order-types=dine_in,delivery").start().await;
    until(&database, &first, "ready").await;
    until(&database, &delivery, "ready").await;
    assert_eq!(order(&database, &takeout).await["status"], "received");
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 1);

    // A general worker takes and cooks it.
    let _general = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &takeout, "ready").await;
    assert_eq!(history(&database, &takeout).await, cooked_by("chef_anna", "chef_anna"));
}

#[tokio::test]
async fn orders_of_other_types_cost_a_worker_nothing() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    for _ in 0..10 {
        orders.place(&orders::takeout()).await;
    }
    let service = stage.kitchen_worker("chef_mario").arg("--order-types=dine_in").start().await;
    service.logs("heartbeat_sent", 1).await;
    let before = service.processor_time();
    service.logs("heartbeat_sent", 4).await;
    let used = service.processor_time().saturating_sub(before);
    // Three seconds. A message that loops without a pause would use most of them.
    assert!(used <= Duration::from_millis(800), "{used:?}");
    assert_eq!(waiting(&stage.broker().await).await, 10);
}

/// A wrong key: it says takeout, the order says `dine_in`.
async fn misrouted(stage: &Stage, orders: &Service) -> String {
    let broker = stage.broker().await;
    let tap = Tap::on_orders(stage, "kitchen.dine_in.*").await;
    let number = orders.place(&orders::dine_in()).await;
    let sent = tap.next().await;
    broker.purge("kitchen_dine_in_queue").await;
    let mut message = Message { routing_key: "kitchen.takeout.10".to_owned(), ..sent };
    message.properties.with_priority(10);
    tap.repeat(&message).await;
    number
}

#[tokio::test]
async fn an_order_of_another_type_goes_back_and_then_to_the_queue_of_its_type() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let number = misrouted(&stage, &orders).await;
    let behind = orders.place(&orders::takeout()).await;
    let launch = stage.kitchen_worker("chef_mario").arg("--order-types=takeout").arg("--prefetch=1");
    let service = launch.start().await;
    until(&database, &behind, "ready").await;
    service.log("order_returned").await;
    service.log("message_forwarded").await;
    let broker = stage.broker().await;
    eventually("an order in its place", async || {
        (broker.ready("kitchen_dine_in_queue").await == 1).then_some(())
    })
    .await;
    assert_eq!(order(&database, &number).await["status"], "received");

    let _general = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    until_none_left(&broker).await;
}

#[tokio::test]
async fn an_order_of_another_type_without_a_consumer_returns_to_the_end_at_a_slow_pace() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let number = misrouted(&stage, &orders).await;
    let broker = stage.broker().await;
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy("full", "kitchen_dine_in_queue", full).await;
    let launch = stage.kitchen_worker("chef_mario").arg("--order-types=takeout").arg("--prefetch=1");
    let service = launch.start().await;
    for _ in 0..3 {
        let behind = orders.place(&orders::takeout()).await;
        until(&database, &behind, "ready").await;
    }
    // Two to leave the front of its queue; from then on the worker pauses between attempts.
    let (before, start) = (service.logs("message_forwarded", 3).await.len(), Instant::now());
    service.logs("message_forwarded", before + 3).await;
    assert!(start.elapsed() > Duration::from_millis(1_500), "tried three times in {:?}", start.elapsed());
    assert_eq!(order(&database, &number).await["status"], "received");

    broker.clear_policy("full").await;
    let _general = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
}
