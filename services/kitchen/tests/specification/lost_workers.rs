//! Workers that die, freeze, or lose their name in the middle of an order.

use rustix::process::Signal;
use testkit::database::Database;
use testkit::{Stage, eventually, orders};

use crate::observe::{Tap, cooked_by, history, order, until, until_none_left, until_waiting, worker};

/// Makes a worker look as if it had been silent for an hour.
async fn forget(database: &Database, name: &str) {
    database
        .execute(&format!("update workers set last_seen = now() - interval '1 hour' where name = '{name}'"))
        .await;
}

#[tokio::test]
async fn the_order_of_a_killed_worker_is_cooked_by_another_when_its_lease_has_run_out() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let mut first = stage.kitchen_worker("chef_first").cooking_seconds(60.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    first.log("order_processing_started").await;
    assert_eq!(updates.next().await.json()["changed_by"], "chef_first");
    first.kill().await;
    let lease = database.value("select lease_until from order_claims").await;

    let second = stage.kitchen_worker("chef_second").start().await;
    let started = second.log("order_processing_started").await;
    assert_eq!(started["details"]["attempt"], 2);
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_first", "chef_second"));
    let ready = order(&database, &number).await;
    assert_eq!(ready["processed_by"], "chef_second");
    assert!(ready["completed_at"].as_str() >= lease.as_str(), "{ready}, but the lease ran until {lease}");
    assert_eq!(updates.changes_until_ready(&[&number]).await, [format!("{number}: ready by chef_second")]);
    assert_eq!(worker(&database, "chef_first").await["orders_processed"], 0);
    until_waiting(&stage.broker().await, 0).await;
}

#[tokio::test]
async fn an_order_whose_task_panics_is_tried_again() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    // One queue and one prefetch slot: neither may be lost.
    let launch = stage.kitchen_worker("chef_mario").arg("--order-types=takeout").arg("--prefetch=1");
    let mut worker = launch.env("FAILPOINT", "kitchen.cooked=panic").start().await;
    let number = orders.place(&orders::takeout()).await;
    let panic = worker.log("panic").await;
    assert_eq!(panic["level"], "ERROR");
    let text = panic["error"]["msg"].as_str().unwrap();
    assert!(text.contains("failpoint.rs:") && text.contains("failpoint kitchen.cooked"), "{panic}");

    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_mario", "chef_mario"));
    let next = orders.place(&orders::takeout()).await;
    until(&database, &next, "ready").await;
    assert_eq!(worker.stop().await, Some(0));
    until_none_left(&stage.broker().await).await;
}

#[tokio::test]
async fn cooking_is_published_although_the_worker_was_lost_before_it_could_publish_it() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    // The rows of a claim whose worker was killed right after it.
    database
        .execute(
            "update orders set status = 'cooking', processed_by = 'chef_lost';
             insert into order_claims select id, 'chef_lost', 1, 1, now(), now() from orders;
             insert into order_status_log (order_id, status, changed_by) select id, 'cooking', 'chef_lost' from orders;
             insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at)
             select 'lost', number, 'received', 'cooking', 'chef_lost', now() from orders",
        )
        .await;
    let _second = stage.kitchen_worker("chef_second").start().await;
    let changes = updates.changes_until_ready(&[&number]).await;
    assert_eq!(
        changes,
        [format!("{number}: cooking by chef_lost"), format!("{number}: ready by chef_second")]
    );
    eventually("the outbox to be empty", async || {
        (database.value("select count(*) from status_outbox").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_starts_again_under_its_name_takes_over_its_predecessors_order_at_once() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    // The lease would last for a minute.
    let launch = stage.kitchen_worker("chef_mario").arg("--heartbeat-interval=30");
    let mut first = launch.clone().cooking_seconds(60.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    first.log("order_processing_started").await;
    first.kill().await;
    forget(&database, "chef_mario").await;

    let second = launch.start().await;
    let started = second.log("order_processing_started").await;
    assert_eq!(started["details"]["attempt"], 2);
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_mario", "chef_mario"));
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_longer_than_its_lease_cannot_finish_the_order() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let (sent, updates) = (Tap::on_takeout_orders(&stage).await, Tap::on_updates(&stage).await);
    let frozen = stage.kitchen_worker("chef_frozen").cooking_seconds(2.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    frozen.log("order_processing_started").await;
    frozen.signal(Signal::STOP);

    // The broker would redeliver the message once it notices. A relay that repeats the message is
    // faster. The other worker's lease is long, so that it cannot run out.
    let launch = stage.kitchen_worker("chef_other").arg("--heartbeat-interval=30");
    let other = launch.cooking_seconds(8.0).start().await;
    sent.repeat(&sent.next().await).await;
    other.log("order_processing_started").await;
    let since = "select updated_at = changed_at from orders o join order_status_log l on l.order_id = o.id
         where l.status = 'cooking'";
    assert_eq!(database.value(since).await, true, "it has been cooking all the time");
    // It has long finished cooking: now it would mark the order ready.
    frozen.signal(Signal::CONT);
    frozen.log("claim_lost").await;
    assert_eq!(order(&database, &number).await["status"], "cooking");
    other.log("order_completed").await;
    frozen.log("order_skipped").await;

    assert_eq!(history(&database, &number).await, cooked_by("chef_frozen", "chef_other"));
    assert!(frozen.logged("order_completed").is_empty());
    assert_eq!(worker(&database, "chef_frozen").await["orders_processed"], 0);
    assert_eq!(worker(&database, "chef_other").await["orders_processed"], 1);
    let changes = updates.changes_until_ready(&[&number]).await;
    assert_eq!(
        changes,
        [format!("{number}: cooking by chef_frozen"), format!("{number}: ready by chef_other")]
    );
    // The worker keeps running.
    eventually("the worker to be online", async || {
        (worker(&database, "chef_frozen").await["status"] == "online").then_some(())
    })
    .await;
    assert!(updates.rest().await.is_empty());
}

#[tokio::test]
async fn a_worker_that_lost_its_name_while_it_was_frozen_ends_with_exit_code_1() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let launch = stage.kitchen_worker("chef_mario");
    let mut frozen = launch.clone().cooking_seconds(60.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    frozen.log("order_processing_started").await;
    frozen.signal(Signal::STOP);
    forget(&database, "chef_mario").await;
    let successor = launch.cooking_seconds(0.0).start().await;
    frozen.signal(Signal::CONT);
    assert_eq!(frozen.wait().await.code(), Some(1));
    let error = frozen.log("service_failed").await;
    assert!(error["error"]["msg"].as_str().unwrap().contains("'chef_mario' was taken over"), "{error}");

    // It requeues the order that it held, and does not deregister its successor.
    until(&database, &number, "ready").await;
    assert_eq!(successor.log("order_completed").await["details"]["order_number"], number.as_str());
    assert_eq!(history(&database, &number).await, cooked_by("chef_mario", "chef_mario"));
    assert_eq!(worker(&database, "chef_mario").await["status"], "online");
}

/// The lease of a dead worker ends one lease later, whatever the clock showed when it was granted.
#[tokio::test]
async fn a_lease_from_a_clock_that_was_an_hour_ahead_costs_no_hour() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let database = stage.database().await;
    database.set_clock_ahead("1 hour").await;
    let mut first = stage.kitchen_worker("chef_first").cooking_seconds(60.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    first.log("order_processing_started").await;
    first.kill().await;
    let ahead = "select lease_until > pg_catalog.now() + interval '50 minutes' from order_claims";
    assert_eq!(database.value(ahead).await, true);
    database.set_clock_ahead("0").await;

    let second = stage.kitchen_worker("chef_second").start().await;
    let started = second.log("order_processing_started").await;
    assert_eq!(started["details"]["attempt"], 2);
    until(&database, &number, "ready").await;
}

/// Its name becomes free after the same time.
#[tokio::test]
async fn a_name_from_a_clock_that_was_an_hour_ahead_is_free_one_lease_later() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    database.set_clock_ahead("1 hour").await;
    let launch = stage.kitchen_worker("chef_mario");
    launch.start().await.kill().await;
    database.set_clock_ahead("0").await;
    // Refused while its worker may be alive.
    assert_eq!(launch.run_to_end().await.code, Some(1));
    let seen = "select last_seen <= pg_catalog.now() from workers";
    assert_eq!(database.value(seen).await, true);
    let silent = "select last_seen < pg_catalog.now() - interval '2 seconds' from workers";
    eventually("two of its intervals", async || (database.value(silent).await == true).then_some(())).await;
    launch.start().await;
}
