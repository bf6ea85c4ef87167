//! Many orders at once: batched statements, and prefetch slots that are shared between queues.

use std::time::Duration;

use serde_json::json;
use testkit::database::Database;
use testkit::{Broker, Stage, eventually, orders};
use tokio::time::Instant;

use crate::observe::{
    Tap, cooked_by, history, order, until, until_locked_out, until_none_left, until_waiting, waiting, worker,
};

/// Blocks every statement that logs this status, until `go_on`. Other statements are not affected.
async fn hold_up(database: &Database, status: &str) {
    let sql = format!(
        "create function hold_up() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
         create trigger hold_up before insert on order_status_log for each row
             when (new.status = '{status}') execute function hold_up();
         select pg_advisory_lock(1)"
    );
    database.execute(&sql).await;
}

async fn go_on(database: &Database) {
    database.execute("select pg_advisory_unlock(1)").await;
}

/// The number of transactions in which orders got this status, excluding the order `apart`.
async fn transactions(database: &Database, status: &str, apart: &str) -> u64 {
    let sql = format!(
        "select count(distinct log.xmin::text) from order_status_log as log join orders on orders.id = order_id
         where log.status = '{status}' and number <> '{apart}'"
    );
    database.value(&sql).await.as_u64().unwrap()
}

/// Starts a worker whose heartbeats do not interfere with its claims.
async fn start_worker(stage: &Stage) -> testkit::Service {
    let launch = stage.kitchen_worker("chef_anna").arg("--heartbeat-interval=30");
    launch.arg("--concurrency=20").start().await
}

async fn place(orders: &testkit::Service, count: usize) -> Vec<String> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(orders.place(&orders::takeout()).await);
    }
    numbers
}

#[tokio::test]
async fn each_order_of_a_batch_of_claims_has_its_own_outcome() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let (sent, broker) = (Tap::on_takeout_orders(&stage).await, stage.broker().await);
    let service = start_worker(&stage).await;
    hold_up(&database, "cooking").await;
    let first = place(&orders, 1).await.remove(0);
    until_locked_out(&database, 1).await;

    // These wait for the statement of the first one, and share the next.
    let others = place(&orders, 6).await;
    let [good, better, held, cancelled, resumed, best] = &others[..] else { panic!("{others:?}") };
    for (number, change) in [
        (cancelled, "update orders set status = 'cancelled' where id = $"),
        (held, "insert into order_claims select $, 'chef_other', 1, 1, now() + interval '1 h', now()"),
        (held, "update orders set status = 'cooking', processed_by = 'chef_other' where id = $"),
        (resumed, "insert into order_claims select $, 'chef_lost', 1, 1, now(), now()"),
        (resumed, "update orders set status = 'cooking', processed_by = 'chef_lost' where id = $"),
        (
            resumed,
            "insert into order_status_log (order_id, status, changed_by) values ($, 'cooking', 'chef_lost')",
        ),
    ] {
        let id = format!("(select id from orders where number = '{number}')");
        database.execute(&change.replace('$', &id)).await;
    }
    let mut unknown = sent.next().await;
    unknown.body = unknown.body.replace(&first, "ORD_20200101_001");
    sent.repeat(&unknown).await;
    until_held(&broker, 0, 0).await;
    go_on(&database).await;

    for number in [&first, good, better, best] {
        until(&database, number, "ready").await;
        assert_eq!(history(&database, number).await, cooked_by("chef_anna", "chef_anna"));
    }
    until(&database, resumed, "ready").await;
    assert_eq!(history(&database, resumed).await, cooked_by("chef_lost", "chef_anna"));
    assert_eq!(service.log("order_skipped").await["details"]["order_number"], cancelled.as_str());
    assert_eq!(service.log("order_held").await["details"]["order_number"], held.as_str());
    eventually("a dead letter", async || (broker.ready("kitchen_dlq").await == 1).then_some(())).await;
    assert_eq!(order(&database, cancelled).await["status"], "cancelled");
    assert_eq!(order(&database, held).await["processed_by"], "chef_other");
    // The first one, all others together, and the manual one.
    assert_eq!(transactions(&database, "cooking", "").await, 3);

    // Its lease ends.
    database.execute("update order_claims set lease_until = now()").await;
    until(&database, held, "ready").await;
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 6);
}

#[tokio::test]
async fn of_orders_that_are_finished_together_only_those_still_claimed_become_ready() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let service = start_worker(&stage).await;
    hold_up(&database, "ready").await;
    let first = place(&orders, 1).await.remove(0);
    until_locked_out(&database, 1).await;
    let others = place(&orders, 5).await;
    service.logs("order_processing_started", 6).await;
    // By the time a further order is claimed, these are queued to be finished.
    let trailing = place(&orders, 1).await.remove(0);
    service.logs("order_processing_started", 7).await;
    let lost = &others[2];
    let stolen = format!(
        "update order_claims set worker = 'chef_other', token = 1, attempt = 2, lease_until = now() + interval '1 h'
         where order_id = (select id from orders where number = '{lost}')"
    );
    database.execute(&stolen).await;
    go_on(&database).await;

    let mut ready: Vec<&str> = vec![&first];
    ready.extend(others.iter().filter(|number| *number != lost).map(String::as_str));
    for number in &ready {
        until(&database, number, "ready").await;
        assert_eq!(history(&database, number).await, cooked_by("chef_anna", "chef_anna"));
    }
    assert_eq!(service.log("claim_lost").await["details"]["order_number"], lost.as_str());
    service.log("order_held").await;
    assert_eq!(order(&database, lost).await["status"], "cooking");
    until(&database, &trailing, "ready").await;
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 6);
    assert_eq!(transactions(&database, "ready", &trailing).await, 2);
    let changes = updates.changes_until_ready(&ready).await;
    for number in ready {
        let place = |status: &str| {
            changes.iter().position(|change| *change == format!("{number}: {status} by chef_anna")).unwrap()
        };
        assert!(place("cooking") < place("ready"), "{changes:?}");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_written_does_not_block_the_rest_of_its_batch() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let service = stage.kitchen_worker("chef_anna").arg("--concurrency=10").start().await;
    let refuse = "create table refused (id int);
         create function refuse() returns trigger language plpgsql as
             $$ begin if exists (select 1 from refused where id = new.order_id) then raise exception 'the log is full'; end if;
                      return new; end $$;
         create trigger refuse before insert on order_status_log for each row
             when (new.status = 'cooking') execute function refuse()";
    database.execute(refuse).await;
    hold_up(&database, "cooking").await;
    let mut numbers = place(&orders, 1).await;
    until_locked_out(&database, 1).await;
    numbers.extend(place(&orders, 4).await);
    let bad = numbers.remove(3);
    let id = order(&database, &bad).await["id"].clone();
    database.execute(&format!("insert into refused values ({id})")).await;
    until_held(&stage.broker().await, 0, 0).await;
    go_on(&database).await;
    for number in &numbers {
        until(&database, number, "ready").await;
    }
    let line = service.log("db_query_failed").await;
    assert!(line["message"].as_str().unwrap().contains(&bad), "{line}");
    let row = order(&database, &bad).await;
    assert_eq!((&row["status"], &row["processed_by"]), (&json!("received"), &json!(null)));
    database.execute("delete from refused").await;
    until(&database, &bad, "ready").await;
    assert_eq!(service.logs("order_completed", 5).await.len(), 5);
}

#[tokio::test]
async fn a_locked_order_does_not_block_others() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let somebody = stage.database().await;
    let locked = place(&orders, 1).await.remove(0);
    somebody.execute(&format!("begin; select 1 from orders where number = '{locked}' for update")).await;
    let _service = stage.kitchen_worker("chef_anna").arg("--concurrency=10").start().await;
    until_locked_out(&database, 1).await;
    let start = Instant::now();
    for number in place(&orders, 3).await {
        until(&database, &number, "ready").await;
    }
    // The server would cancel a waiting statement after ten seconds.
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    until_locked_out(&database, 1).await;
    somebody.execute("rollback").await;
    until(&database, &locked, "ready").await;
    assert_eq!(history(&database, &locked).await, cooked_by("chef_anna", "chef_anna"));
}

/// Waits until the worker holds this many, and checks that the number is stable.
async fn until_held(broker: &Broker, placed: u32, held: u32) {
    until_waiting(broker, placed - held).await;
    for _ in 0..50 {
        assert_eq!(waiting(broker).await, placed - held, "of {placed} placed, the worker holds {held}");
    }
}

#[tokio::test]
async fn slots_go_to_the_queue_that_needs_them_and_every_queue_keeps_one() {
    let stage = Stage::new().await;
    let (orders, broker) = (stage.order_service().start().await, stage.broker().await);
    let (database, mut placed) = (stage.database().await, 60);
    place(&orders, 60).await;
    let launch = stage.kitchen_worker("chef_hungry").cooking_seconds(60.0);
    let _service = launch.arg("--concurrency=40").start().await;
    // Each of the three other queues keeps one slot.
    until_held(&broker, placed, 37).await;
    let number = orders.place(&orders::dine_in()).await;
    placed += 1;
    until(&database, &number, "cooking").await;
    for order in [orders::dine_in(), orders::delivery()].iter().cycle().take(40) {
        orders.place(order).await;
        placed += 1;
    }
    // The remaining slot belongs to the safety-net queue.
    until_held(&broker, placed, 39).await;
    assert_eq!(database.value("select count(*) from orders where status = 'cooking'").await, 39);
}

#[tokio::test]
async fn two_busy_workers_cook_every_order_once() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let sent = Tap::on_takeout_orders(&stage).await;
    let numbers = place(&orders, 100).await;
    for _ in 0..100 {
        let message = sent.next().await;
        sent.repeat(&message).await;
    }
    let mut workers = Vec::new();
    for name in ["chef_1", "chef_2"] {
        workers.push(stage.kitchen_worker(name).arg("--concurrency=40").cooking_seconds(0.05).start().await);
    }
    for number in &numbers {
        until(&database, number, "ready").await;
    }
    let lives = "select count(*) from (
            select order_id from order_status_log group by order_id
            having array_agg(status order by id) = array['received', 'cooking', 'ready']) lived";
    assert_eq!(database.value(lives).await, 100);
    assert_eq!(database.value("select sum(orders_processed) from workers").await, 100);
    assert_eq!(database.value("select count(*) from order_claims").await, 0);
    let broker = stage.broker().await;
    until_waiting(&broker, 0).await;
    // A worker that met an order of the other one checks it again within a second, and drops it.
    for worker in &workers {
        worker.logs("heartbeat_sent", worker.logged("heartbeat_sent").len() + 3).await;
    }
    // Messages that they still held would be requeued when they are gone.
    for worker in &mut workers {
        assert_eq!(worker.stop().await, Some(0));
    }
    until_none_left(&broker).await;
}

#[tokio::test]
async fn different_messages_of_one_unknown_order_are_all_kept_as_dead_letters() {
    let stage = Stage::new().await;
    let (orders, broker) = (stage.order_service().start().await, stage.broker().await);
    let sent = Tap::on_takeout_orders(&stage).await;
    let number = place(&orders, 1).await.remove(0);
    let mut message = sent.next().await;
    let body = message.body.replace(&number, "ORD_20200101_001");
    for guest in ["Ann", "Bob", "Eve"] {
        message.body = body.replace("Jane Doe", guest);
        sent.repeat(&message).await;
    }
    let _service = stage.kitchen_worker("chef_anna").arg("--concurrency=10").start().await;
    eventually("three dead letters", async || (broker.ready("kitchen_dlq").await == 3).then_some(())).await;
}
