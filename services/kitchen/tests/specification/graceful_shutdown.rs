//! "Graceful Shutdown", in its five steps.

use rustix::process::Signal;
use serde_json::json;
use testkit::{Stage, orders};

use crate::observe::{Tap, cooked_by, history, order, until_locked_out, until_waiting, worker};

#[tokio::test]
async fn the_order_in_flight_is_finished_and_everything_else_goes_back() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let broker = stage.broker().await;
    for signal in [Signal::TERM, Signal::INT] {
        let in_flight = orders.place(&orders::takeout()).await;
        let launch = stage.kitchen_worker("chef_anna").arg("--prefetch=4").cooking_seconds(8.0);
        let mut service = launch.start().await;
        service.log("order_processing_started").await;
        let held = [orders.place(&orders::takeout()).await, orders.place(&orders::dine_in()).await];
        until_waiting(&broker, 0).await;

        service.signal(signal);
        let line = service.log("graceful_shutdown").await;
        assert_eq!((&line["level"], &line["details"]["worker_name"]), (&json!("INFO"), &json!("chef_anna")));
        // 1. It stops consuming, although it has a free slot; it keeps cooking its order.
        let late = orders.place(&orders::delivery()).await;
        until_waiting(&broker, 1).await;
        assert_eq!(worker(&database, "chef_anna").await["status"], "online");
        assert!(service.logged("order_completed").is_empty(), "the test is too slow to see it");
        // 5. It exits gracefully.
        assert_eq!(service.wait().await.code(), Some(0));
        // 2. The order in flight was finished.
        assert_eq!(history(&database, &in_flight).await, cooked_by("chef_anna", "chef_anna"));
        assert_eq!(service.logged("order_processing_started").len(), 1);
        // 3. The worker is offline, and went so after the order was ready.
        let row = worker(&database, "chef_anna").await;
        assert_eq!(row["status"], "offline");
        assert!(row["last_seen"].as_str() >= order(&database, &in_flight).await["completed_at"].as_str());
        // 4. Everything else is back in its queue, untouched.
        until_waiting(&broker, 3).await;
        for number in held.iter().chain([&late]) {
            assert_eq!(order(&database, number).await["status"], "received");
        }
        for queue in ["kitchen_takeout_queue", "kitchen_dine_in_queue", "kitchen_delivery_queue"] {
            broker.purge(queue).await;
        }
    }
}

#[tokio::test]
async fn an_idle_worker_ends_and_is_offline() {
    let stage = Stage::new().await;
    let mut service = stage.kitchen_worker("chef_anna").start().await;
    assert_eq!(service.stop().await, Some(0));
    let database = stage.database().await;
    assert_eq!(worker(&database, "chef_anna").await["status"], "offline");
    assert_eq!(database.value("select count(*) from worker_sessions").await, 0, "it could still be used");
    assert_eq!(service.logged("graceful_shutdown").len(), 1);
}

#[tokio::test]
async fn a_second_signal_ends_the_worker_at_once() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let number = orders.place(&orders::takeout()).await;
        let name = format!("chef_{code}");
        let mut service = stage.kitchen_worker(&name).cooking_seconds(60.0).start().await;
        service.log("order_processing_started").await;
        service.signal(signal);
        service.log("graceful_shutdown").await;
        service.signal(signal);
        assert_eq!(service.wait().await.code(), Some(code));
        // Its order waits for another worker.
        assert_eq!(order(&database, &number).await["status"], "cooking");
        let broker = stage.broker().await;
        until_waiting(&broker, 1).await;
        broker.purge("kitchen_takeout_queue").await;
    }
}

#[tokio::test]
async fn a_worker_without_servers_ends_all_the_same() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let launch = stage
        .kitchen_worker("chef_anna")
        .env("DB_PORT", postgres.port().to_string())
        .env("RABBITMQ_PORT", rabbitmq.port().to_string());
    let mut working = launch.start().await;
    postgres.cut();
    rabbitmq.cut();
    working.log("rabbitmq_connection_failed").await;
    let mut starting = launch.ready_at_once().start().await;
    starting.log("db_connection_failed").await;
    assert_eq!(starting.stop().await, Some(0));
    assert_eq!(working.stop().await, Some(0));
}

#[tokio::test]
async fn an_order_whose_claim_is_in_progress_is_cooked_and_published() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let mut service = stage.kitchen_worker("chef_anna").arg("--heartbeat-interval=30").start().await;
    let lock = stage.database().await;
    lock.execute("begin; lock table order_claims").await;
    let number = orders.place(&orders::takeout()).await;
    until_locked_out(&database, 1).await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    lock.execute("commit").await;

    assert_eq!(service.wait().await.code(), Some(0));
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(
        updates.changes_until_ready(&[&number]).await,
        [format!("{number}: cooking by chef_anna"), format!("{number}: ready by chef_anna")]
    );
    assert_eq!(worker(&database, "chef_anna").await["status"], "offline");
}

#[tokio::test]
async fn an_order_that_cannot_be_marked_ready_is_left_to_another_worker_after_its_lease() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let proxy = stage.postgres_proxy().await;
    let launch = stage.kitchen_worker("chef_cut_off").env("DB_PORT", proxy.port().to_string());
    let mut cut_off = launch.cooking_seconds(5.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    cut_off.log("order_processing_started").await;
    proxy.cut();
    cut_off.log("db_connection_failed").await;
    assert_eq!(cut_off.stop().await, Some(0));
    assert_eq!(cut_off.log("order_left").await["details"]["order_number"], number.as_str());
    assert_eq!(order(&database, &number).await["status"], "cooking");

    let other = stage.kitchen_worker("chef_other").start().await;
    other.log("order_completed").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_cut_off", "chef_other"));
}

#[tokio::test]
async fn a_closed_terminal_stops_the_worker_gracefully_however_often_it_is_signalled() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let mut service = stage.kitchen_worker("chef_anna").cooking_seconds(3.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    service.log("order_processing_started").await;
    // The shell sends it, and the system sends it again when the shell has ended.
    service.signal(Signal::HUP);
    service.log("graceful_shutdown").await;
    service.signal(Signal::HUP);
    assert_eq!(service.wait().await.code(), Some(0));
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(worker(&database, "chef_anna").await["status"], "offline");
}

#[tokio::test]
async fn a_worker_that_was_started_by_nohup_survives_its_terminal() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let mut service = stage.kitchen_worker("chef_anna").ignoring_hangup().start().await;
    service.signal(Signal::HUP);
    let number = orders.place(&orders::takeout()).await;
    assert_eq!(service.log("order_completed").await["details"]["order_number"], number.as_str());
    assert_eq!(service.logged("graceful_shutdown").len(), 0);
    assert_eq!(service.stop().await, Some(0));
}

#[tokio::test]
async fn a_worker_whose_database_is_away_ends_within_its_grace_and_says_what_it_leaves() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let proxy = stage.postgres_proxy().await;
    let launch = stage.kitchen_worker("chef_anna").arg("--heartbeat-interval=30").arg("--concurrency=2");
    let launch = launch.env("DB_PORT", proxy.port().to_string()).env("SHUTDOWN_GRACE_SECONDS", "16");
    // One order is cooked while the database is away and the grace period lasts; the other is not.
    let launch = launch.cooking_seconds(5.0).env("KITCHEN_COOKING_SECONDS_DELIVERY", "600");
    let mut service = launch.start().await;
    let (ready, long) = (orders.place(&orders::takeout()).await, orders.place(&orders::delivery()).await);
    service.logs("order_processing_started", 2).await;
    proxy.silence();
    // The exit code is 1 if the grace period was too short.
    assert_eq!(service.stop().await, Some(0));
    let left: Vec<_> = service.logged("order_left");
    let reasons = [(&ready, "PostgreSQL did not come back"), (&long, "shutdown.grace_seconds")];
    for (number, reason) in reasons {
        let line = left.iter().find(|line| line["details"]["order_number"] == number.as_str()).unwrap();
        assert!(line["message"].as_str().unwrap().contains(reason), "{line}");
    }
    let incomplete = service.log("shutdown_incomplete").await;
    assert!(incomplete["message"].as_str().unwrap().contains("its name is free, 60 s after"), "{incomplete}");
    assert_eq!(worker(&database, "chef_anna").await["status"], "online");
    until_waiting(&stage.broker().await, 2).await;
}

#[tokio::test]
async fn a_task_that_ends_too_early_ends_the_worker_in_the_same_order() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let launch = stage.kitchen_worker("chef_anna").cooking_seconds(2.0);
    let mut service = launch.env("FAILPOINT", "kitchen.published=panic").start().await;
    let number = orders.place(&orders::takeout()).await;
    assert_eq!(service.wait().await.code(), Some(1));
    let failed = service.logged("service_failed").remove(0);
    assert_eq!(failed["error"]["msg"], "the task that publishes status changes ended unasked");
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(worker(&database, "chef_anna").await["status"], "offline");
}

#[tokio::test]
async fn a_worker_that_can_claim_no_more_gives_its_orders_back() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let launch = stage.kitchen_worker("chef_anna");
    let mut service = launch.env("FAILPOINT", "kitchen.claims_written=panic").start().await;
    let number = orders.place(&orders::takeout()).await;
    assert_eq!(service.wait().await.code(), Some(1));
    let failed = service.logged("service_failed").remove(0);
    assert_eq!(failed["error"]["msg"], "the task that writes down what is claimed and ready ended unasked");
    assert_eq!(worker(&database, "chef_anna").await["status"], "offline");
    // The claim was written, though nobody heard of it: the next worker goes on with it.
    let other = stage.kitchen_worker("chef_bea").start().await;
    other.log("order_completed").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_bea"));
}
