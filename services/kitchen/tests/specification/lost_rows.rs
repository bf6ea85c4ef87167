//! Rows that are deleted while a worker runs: by an operator, or by the restore of an older backup.

use rustix::process::Signal;
use testkit::{Stage, eventually, orders};

use crate::observe::{cooked_by, history, order, until, until_none_left, worker};

#[tokio::test]
async fn a_worker_whose_row_was_deleted_registers_again_and_cooks_its_order_once() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    // Its order is done long before the worker's next heartbeat.
    let launch = stage.kitchen_worker("chef_mario").arg("--heartbeat-interval=6").cooking_seconds(0.5);
    let mut service = launch.start().await;
    let number = orders.place(&orders::takeout()).await;
    service.log("order_processing_started").await;
    database.execute("delete from worker_sessions; delete from workers").await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_mario", "chef_mario"));
    assert_eq!(service.logged("order_processing_started").len(), 1);

    service.logs("worker_registered", 2).await;
    service.log("heartbeat_sent").await;
    assert_eq!(worker(&database, "chef_mario").await["status"], "online");
    let next = orders.place(&orders::takeout()).await;
    until(&database, &next, "ready").await;
    assert!(worker(&database, "chef_mario").await["orders_processed"].as_i64() >= Some(1));
    assert_eq!(service.stop().await, Some(0));
    assert_eq!(worker(&database, "chef_mario").await["status"], "offline");
}

#[tokio::test]
async fn an_order_whose_row_was_deleted_while_it_cooked_frees_its_slot() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    // Frozen after cooking and before it marks the order ready.
    let launch = stage.kitchen_worker("chef_mario").arg("--prefetch=1").arg("--heartbeat-interval=30");
    let service = launch.env("FAILPOINT", "kitchen.cooked=stop").start().await;
    let number = orders.place(&orders::takeout()).await;
    let status = format!("/proc/{}/status", service.pid());
    eventually("a frozen worker", async || {
        std::fs::read_to_string(&status).unwrap().contains("State:\tT").then_some(())
    })
    .await;
    assert_eq!(order(&database, &number).await["status"], "cooking");
    // All tables that refer to `orders`.
    let referring = "select string_agg(format('delete from %s;', conrelid::regclass), '')
         from pg_constraint where contype = 'f' and confrelid = 'orders'::regclass";
    let referring = database.value(referring).await.as_str().unwrap().to_owned();
    database.execute(&format!("{referring} delete from order_outbox; delete from orders")).await;
    service.signal(Signal::CONT);

    let next = orders.place(&orders::takeout()).await;
    until(&database, &next, "ready").await;
    let broker = stage.broker().await;
    let dead = broker.take("kitchen_dlq").await;
    assert!(dead.header("x-reason").contains(&format!("there is no order {number}")), "{dead:?}");
    until_none_left(&broker).await;
}
