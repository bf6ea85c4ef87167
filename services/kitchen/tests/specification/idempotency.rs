//! "Idempotency", and redelivered messages.

use testkit::{Stage, eventually, orders};

use crate::observe::{Tap, cooked_by, history, order, until, until_none_left, until_waiting, worker};

#[tokio::test]
async fn an_order_that_is_sent_three_times_is_cooked_once() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let (sent, updates) = (Tap::on_takeout_orders(&stage).await, Tap::on_updates(&stage).await);
    let number = orders.place(&orders::takeout()).await;
    let message = sent.next().await;
    for _ in 0..2 {
        sent.repeat(&message).await;
    }
    let mut service =
        stage.kitchen_worker("chef_anna").arg("--prefetch=2").cooking_seconds(0.3).start().await;
    until(&database, &number, "ready").await;
    let broker = stage.broker().await;
    eventually("both repeats to be met", async || {
        let met = service.logged("order_redelivered").len() + service.logged("order_skipped").len();
        (met == 2).then_some(())
    })
    .await;
    // Messages that it still held would be requeued when it is gone.
    assert_eq!(service.stop().await, Some(0));
    until_none_left(&broker).await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(updates.rest().await.len(), 2);
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 1);
    assert_eq!(service.logged("order_completed").len(), 1);
}

#[tokio::test]
async fn an_order_that_two_workers_get_at_once_is_cooked_by_one_of_them() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let (sent, updates) = (Tap::on_takeout_orders(&stage).await, Tap::on_updates(&stage).await);
    let number = orders.place(&orders::takeout()).await;
    let message = sent.next().await;
    for _ in 0..3 {
        sent.repeat(&message).await;
    }
    let cook = async |name| {
        let launch = stage.kitchen_worker(name).arg("--heartbeat-interval=30");
        launch.cooking_seconds(0.5).start().await
    };
    let (first, second) = (cook("chef_1").await, cook("chef_2").await);
    until(&database, &number, "ready").await;
    until_waiting(&stage.broker().await, 0).await;
    let cook = order(&database, &number).await["processed_by"].as_str().unwrap().to_owned();
    assert_eq!(history(&database, &number).await, cooked_by(&cook, &cook));
    if cook == "chef_1" { &first } else { &second }.log("order_completed").await;
    assert_eq!(first.logged("order_completed").len() + second.logged("order_completed").len(), 1);
    let changes = updates.changes_until_ready(&[&number]).await;
    assert_eq!(changes, [format!("{number}: cooking by {cook}"), format!("{number}: ready by {cook}")]);
    assert!(updates.rest().await.is_empty());
}

#[tokio::test]
async fn a_worker_resumes_an_order_that_is_redelivered_to_it_after_a_lost_connection() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.kitchen_worker("chef_anna").env("RABBITMQ_PORT", proxy.port().to_string());
    let mut service = launch.arg("--prefetch=2").cooking_seconds(8.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    service.log("order_processing_started").await;
    proxy.cut();
    service.log("rabbitmq_connection_failed").await;
    proxy.mend();
    let met = service.log("order_redelivered").await;
    // True of an order that waits here, too.
    assert_eq!(met["message"], format!("This worker has order {number} already"));
    until(&database, &number, "ready").await;

    let changes = updates.changes_until_ready(&[&number]).await;
    assert_eq!(changes, [format!("{number}: cooking by chef_anna"), format!("{number}: ready by chef_anna")]);
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(service.logged("order_processing_started").len(), 1);
    assert_eq!(service.stop().await, Some(0));
    until_none_left(&stage.broker().await).await;
}

#[tokio::test]
async fn a_worker_with_an_order_that_another_cooks_waits_for_its_end_and_drops_it() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.kitchen_worker("chef_cut_off").env("RABBITMQ_PORT", proxy.port().to_string());
    let cut_off = launch.arg("--heartbeat-interval=4").cooking_seconds(12.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    cut_off.log("order_processing_started").await;
    updates.next().await;
    let mut other = stage.kitchen_worker("chef_other").start().await;
    proxy.cut();
    // Longer than the lease of eight seconds: the first worker is alive and renews it.
    other.logs("order_held", 2).await;
    other.log("order_skipped").await;
    assert_eq!(other.stop().await, Some(0));
    until_none_left(&stage.broker().await).await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_cut_off", "chef_cut_off"));
    assert_eq!(other.logged("order_processing_started").len(), 0);
    proxy.mend();
    assert_eq!(updates.changes_until_ready(&[&number]).await, [format!("{number}: ready by chef_cut_off")]);
}

#[tokio::test]
async fn an_order_that_needs_no_cooking_any_more_is_dropped() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let mut numbers = Vec::new();
    for status in ["ready", "cancelled", "completed"] {
        let number = orders.place(&orders::takeout()).await;
        database.execute(&format!("update orders set status = '{status}' where number = '{number}'")).await;
        numbers.push((number, status));
    }
    let mut service = stage.kitchen_worker("chef_anna").start().await;
    let skipped = service.logs("order_skipped", numbers.len()).await;
    for ((number, status), line) in numbers.iter().zip(&skipped) {
        assert_eq!(
            (&line["details"]["order_number"], &line["details"]["status"]),
            (&number.as_str().into(), &(*status).into())
        );
        assert_eq!(order(&database, number).await["status"], *status);
        assert_eq!(history(&database, number).await.len(), 1);
    }
    assert_eq!(service.stop().await, Some(0));
    let broker = stage.broker().await;
    until_none_left(&broker).await;
    assert_eq!(broker.ready("kitchen_dlq").await, 0);
    assert!(updates.rest().await.is_empty());
}
