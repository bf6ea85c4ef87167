//! Midnight, expiring leases, and clocks that step back.

use std::time::Duration;

use testkit::{Signal, Stage, eventually};

use tokio::time::{Instant, sleep};

use crate::machine::Machine;
use crate::restaurant::{COOKS, Restaurant};
use crate::signals;
use crate::verdict::{closes, holds, holds_to_the_end, recovers};

const TAKE_OVER_LIMIT: Duration = Duration::from_mins(1);
/// Early enough to serve some orders before midnight.
const BEFORE_MIDNIGHT: &str = "2026-12-31 23:59:20+00";
const MIDNIGHT_LIMIT: Duration = Duration::from_mins(2);

#[tokio::test]
async fn midnight_comes_under_load() {
    let restaurant = Restaurant::open_on(async || {
        let stage = Stage::new().await;
        stage.database().await.start_clock_at(BEFORE_MIDNIGHT).await;
        (stage, Vec::new())
    })
    .await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    for day in ["20261231", "20270101"] {
        let count = format!("select count(*) from orders where number like 'ORD\\_{day}\\_%'");
        let start = Instant::now();
        while database.value(&count).await.as_u64() < Some(20) {
            assert!(start.elapsed() < MIDNIGHT_LIMIT, "there are no 20 orders on {day}");
            sleep(Duration::from_millis(50)).await;
        }
    }
    let recovery = recovers(&load).await;
    // The audit finds gaps on either side.
    holds_to_the_end("midnight UTC", restaurant, load, recovery).await;
}

#[tokio::test]
async fn a_lease_runs_out_while_its_cook_is_frozen() {
    let mut restaurant = Restaurant::open().await;
    let database = restaurant.stage.database().await;
    let load = restaurant.load();
    restaurant.cooks[0].stop().await;
    let sleepy = restaurant.cook(COOKS[0]).env("FAILPOINT", "kitchen.cooked=stop@5");
    restaurant.cooks[0] = sleepy.start().await;
    let pid = restaurant.cooks[0].pid();
    eventually("a frozen cook", async || signals::is_stopped(pid).then_some(())).await;
    // The frozen worker holds a cooked order, which another worker finishes before it wakes.
    // (Orders that it had already marked ready when it froze are its own.)
    let [sleeper, other] = COOKS;
    let held =
        format!("select coalesce(array_agg(order_id), '{{}}') from order_claims where worker = '{sleeper}'");
    let held = database.value(&held).await.to_string();
    let taken_over = format!(
        "select count(*) from order_status_log where status = 'ready' and changed_by = '{other}'
         and order_id in (select value::int from json_array_elements_text('{held}'))"
    );
    let start = Instant::now();
    while database.value(&taken_over).await == 0 {
        assert!(start.elapsed() < TAKE_OVER_LIMIT, "nobody took over from {sleeper}, which held {held}");
        sleep(Duration::from_millis(50)).await;
    }
    restaurant.cooks[0].signal(Signal::CONT);
    // It must not finish the order: the verdict would find an order that is ready twice.
    restaurant.cooks[0].log("claim_lost").await;
    let recovery = recovers(&load).await;
    holds("lease ran out while its cook was frozen", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn the_clock_of_a_service_steps_back() {
    let machine = Machine::build();
    let mut restaurant = Restaurant::open().await;
    let (mut order_service, mut cook, mut subscriber) =
        (restaurant.order_service(), restaurant.cook(COOKS[0]), restaurant.subscriber());
    for (name, value) in machine.environment() {
        order_service = order_service.env(name, value.clone());
        cook = cook.env(name, value.clone());
        subscriber = subscriber.env(name, value);
    }
    restaurant.order_services[0].stop().await;
    restaurant.seat_order_service(0, &order_service).await;
    restaurant.cooks[0].stop().await;
    restaurant.cooks[0] = cook.start().await;
    restaurant.subscriber = subscriber.start().await;

    let load = restaurant.load();
    load.accepts(20).await;
    machine.clock_is_late(true);
    load.accepts(50).await;
    // A subscriber that must read the stream again asks for it by time.
    restaurant.links.subscriber_to_rabbitmq.cut();
    restaurant.links.subscriber_to_rabbitmq.mend();
    load.accepts(50).await;
    let before_the_step = restaurant.order_services[0].log_lines()[0]["timestamp"].clone();
    let last = restaurant.order_services[0].log_lines().last().unwrap()["timestamp"].clone();
    assert!(
        last.as_str() < before_the_step.as_str(),
        "the clock did not step back: {last} {before_the_step}"
    );
    machine.clock_is_late(false);
    let recovery = recovers(&load).await;
    holds_to_the_end("clock of one service back by an hour", restaurant, load, recovery).await;
}

/// Leases, heartbeats and due times of the past lie in a future that no one may wait for.
#[tokio::test]
async fn the_clock_of_the_database_steps_back() {
    let machine = Machine::build();
    let mut restaurant = Restaurant::open_with_own_servers_under(&machine.environment()).await;
    let load = restaurant.load();
    load.accepts(20).await;
    restaurant.cooks[0].stop().await;
    restaurant.cooks[0] = restaurant.cook(COOKS[0]).cooking_seconds(600.0).start().await;
    restaurant.cooks[0].log("order_processing_started").await;
    restaurant.cooks[0].kill().await;
    let database = restaurant.stage.database().await;
    let before = database.value("select now()").await;
    machine.clock_is_late(true);
    let now = database.value("select now()").await;
    assert!(now.as_str() < before.as_str(), "the clock did not step back: {before} {now}");
    // Under the name of the dead one.
    restaurant.replace_cook(0).await;
    load.accepts(20).await;
    let recovery = recovers(&load).await;
    holds_to_the_end("clock of the database back by an hour", restaurant, load, recovery).await;
}
