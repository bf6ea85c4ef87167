//! "Worker Specialization".

use std::time::{Duration, Instant};

use testkit::{Stage, orders};

use crate::observe::{Tap, cooked_by, history, order, until, waiting};

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

    // Whoever cooks everything comes and cooks it.
    let _general = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &takeout, "ready").await;
    assert_eq!(history(&database, &takeout).await, cooked_by("chef_anna", "chef_anna"));
}

#[tokio::test]
async fn orders_that_nobody_cooks_cost_a_worker_nothing() {
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
    // Three seconds; a message that goes back and forth without a pause would take most of them.
    assert!(used <= Duration::from_millis(800), "{used:?}");
    assert_eq!(waiting(&stage.broker().await).await, 10);
}

#[tokio::test]
async fn an_order_of_another_type_goes_back_to_its_queue_without_haste() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let tap = Tap::on_takeout_orders(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    let mut message = tap.next().await;
    let broker = stage.broker().await;
    broker.purge("kitchen_takeout_queue").await;
    // A stranger's mistake: the key says dine_in, the order says takeout.
    message.routing_key = "kitchen.dine_in.1".to_owned();
    tap.repeat(&message).await;

    let service = stage.kitchen_worker("chef_mario").arg("--order-types=dine_in").start().await;
    service.logs("order_returned", 2).await;
    let (before, start) = (service.logged("order_returned").len(), Instant::now());
    service.logs("order_returned", before + 3).await;
    assert!(start.elapsed() > Duration::from_millis(1_500), "returned three times in {:?}", start.elapsed());
    assert_eq!(order(&database, &number).await["status"], "received");

    let _general = stage.kitchen_worker("chef_anna").start().await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
}
