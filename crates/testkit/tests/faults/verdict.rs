//! What must hold after any fault, once there is rest.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use testkit::database::Database;
use testkit::{Broker, Service};
use tokio::time::{Instant, sleep};

use crate::load::{Attempt, Heard, Load};
use crate::restaurant::Restaurant;

/// After a fault has ended, new orders are served within this time.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);
/// What a dead service had in hand is the relay's after 15 s, and a lease of two seconds is nothing.
const REST_LIMIT: Duration = Duration::from_mins(1);

const QUEUES: [&str; 5] = [
    "kitchen_dine_in_queue",
    "kitchen_takeout_queue",
    "kitchen_delivery_queue",
    "kitchen_queue",
    "kitchen_dlq",
];

/// An order as the database has it.
struct Stored {
    number: String,
    status: String,
    life: Vec<String>,
}

/// Waits until orders are accepted again, and fails if that takes too long.
pub async fn recovers(load: &Load) -> Duration {
    let mended = Instant::now();
    load.accepts(1).await;
    let took = mended.elapsed();
    assert!(took < RECOVERY_LIMIT, "orders were accepted again only {took:?} after the fault had ended");
    took
}

/// Ends the load, waits for rest, and checks everything. `recovery` is for the table that is printed.
pub async fn holds(scenario: &str, mut restaurant: Restaurant, load: Load, recovery: Duration) {
    let attempts = load.stop().await;
    let database = restaurant.stage.database().await;
    until_rest(scenario, &database).await;
    let orders = stored(&database).await;

    let accepted = attempts.iter().filter(|attempt| matches!(attempt.heard, Heard::Accepted(_))).count();
    let (lost, doubled) = against_the_clients(&attempts, &orders);
    println!(
        "| {scenario} | {} placed | {accepted} acknowledged | {} lost | {} doubled | accepted again after {} ms |",
        attempts.len(),
        lost.len(),
        doubled.len(),
        recovery.as_millis(),
    );
    assert!(lost.is_empty(), "{scenario}: lost: {lost:?}");
    assert!(doubled.is_empty(), "{scenario}: doubled: {doubled:?}");
    numbers_are_gapless(&database).await;
    every_transition_was_shown(&restaurant.subscriber, orders.values()).await;
    queues_are_empty(&restaurant.stage.broker().await).await;
    for (name, service) in restaurant.services() {
        is_sound(name, service).await;
    }
}

/// Everything that was stored is over: ready or cancelled, announced, without claim.
async fn until_rest(scenario: &str, database: &Database) {
    let left = "select (select count(*) from orders where status in ('received', 'cooking')) as open,
                       (select count(*) from order_outbox join orders on id = order_id) as outbox,
                       (select count(*) from status_outbox) as updates,
                       (select count(*) from order_claims) as claims";
    let start = Instant::now();
    loop {
        let row = database.rows(left).await.remove(0);
        if row.as_object().unwrap().values().all(|count| *count == 0) {
            return;
        }
        assert!(start.elapsed() < REST_LIMIT, "{scenario}: no rest after {REST_LIMIT:?}: {row}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// By customer.
async fn stored(database: &Database) -> HashMap<String, Stored> {
    let rows = database
        .rows(
            "select customer_name, number, status,
                    (select array_agg(log.status order by log.id) from order_status_log log where order_id = orders.id) as life
             from orders order by id",
        )
        .await;
    let mut orders = HashMap::new();
    for row in rows {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let order = Stored {
            number: text(&row["number"]),
            status: text(&row["status"]),
            life: row["life"].as_array().unwrap().iter().map(text).collect(),
        };
        let twice = orders.insert(text(&row["customer_name"]), order);
        assert!(twice.is_none(), "{row} was stored twice");
    }
    orders
}

/// What the clients heard and what was done: the orders that were lost, and those that were cooked although they should
/// not, or twice.
fn against_the_clients(attempts: &[Attempt], orders: &HashMap<String, Stored>) -> (Vec<String>, Vec<String>) {
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for attempt in attempts {
        let order = orders.get(&attempt.customer);
        let life: Vec<&str> =
            order.map(|order| order.life.iter().map(String::as_str).collect()).unwrap_or_default();
        let cooked_once = life == ["received", "cooking", "ready"];
        let never_cooked = life.is_empty() || life == ["received", "cancelled"];
        let told = format!("{attempt:?}: {life:?}");
        match &attempt.heard {
            Heard::Accepted(number) => {
                if life.iter().filter(|status| **status == "cooking" || **status == "ready").count() > 2 {
                    doubled.push(told);
                } else if !cooked_once
                    || order.is_none_or(|order| order.number != *number || order.status != "ready")
                {
                    lost.push(told);
                }
            }
            Heard::Refused(_) if !never_cooked => doubled.push(told),
            Heard::Nothing if !never_cooked && !cooked_once => doubled.push(told),
            Heard::Refused(_) | Heard::Nothing => {}
        }
    }
    (lost, doubled)
}

async fn numbers_are_gapless(database: &Database) {
    let gaps = "select day, last_number, count(number), count(distinct number),
                       max(substring(number from 14)::int) as highest
                from order_counters left join orders on number like 'ORD_' || to_char(day, 'YYYYMMDD') || '\\_%'
                group by day, last_number
                having count(number) <> last_number or count(distinct number) <> last_number
                    or max(substring(number from 14)::int) <> last_number";
    let gaps = database.rows(gaps).await;
    assert!(gaps.is_empty(), "numbers with gaps: {gaps:?}");
}

/// A subscriber that nobody interrupted shows every change, once.
async fn every_transition_was_shown(subscriber: &Service, orders: impl Iterator<Item = &Stored>) {
    for order in orders {
        for change in order.life.windows(2) {
            let sentence =
                format!("order {}: Status changed from '{}' to '{}'", order.number, change[0], change[1]);
            subscriber.notification(&sentence).await;
        }
    }
    let mut seen = HashSet::new();
    for line in subscriber.console() {
        assert!(seen.insert(line.clone()), "shown twice: {line}");
    }
}

async fn queues_are_empty(broker: &Broker) {
    for queue in QUEUES {
        testkit::eventually(&format!("{queue} to be empty"), async || {
            (broker.ready(queue).await == 0).then_some(())
        })
        .await;
    }
}

/// It lives, did not panic, and every line of its log is JSON.
async fn is_sound(name: &str, service: &mut Service) {
    let lines = service.log_lines();
    let panicked = lines.iter().find(|line| line["action"] == "panic");
    assert!(panicked.is_none(), "{name}: {panicked:?}");
    assert_eq!(service.stop().await, Some(0), "{name} did not end well");
}
