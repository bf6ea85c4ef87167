//! What must hold after any fault, once the system is at rest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;
use testkit::database::Database;
use testkit::drill::{Outcome, longest_gap};
use testkit::{Broker, Launch, Service};
use tokio::time::{Instant, sleep};

use crate::load::{Attempt, Load, Response};
use crate::menu;
use crate::restaurant::Restaurant;

/// New orders must be accepted within this time after the end of a fault.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);
/// A relay takes over a dead service's orders after 15 s, and a lease of two seconds is short in
/// comparison.
const REST_LIMIT: Duration = Duration::from_mins(1);

const QUEUES: [&str; 5] = [
    "kitchen_dine_in_queue",
    "kitchen_takeout_queue",
    "kitchen_delivery_queue",
    "kitchen_queue",
    "kitchen_dlq",
];

/// An order in the database.
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

/// Stops the load, waits for rest, and checks everything. Then the next scenario may begin.
/// `recovery` is for the table.
pub async fn holds(scenario: &str, restaurant: &mut Restaurant, load: Load, recovery: Duration) {
    judge(scenario, None, restaurant, load, recovery).await;
}

/// As [`holds`], of a drill: awaits its recovery, and also reports what it cost.
pub async fn drill_holds(drill: &'static str, broken: &str, restaurant: &mut Restaurant, load: Load) {
    let recovery = recovers(&load).await;
    judge(broken, Some(drill), restaurant, load, recovery).await;
}

async fn judge(
    scenario: &str,
    drill: Option<&'static str>,
    restaurant: &mut Restaurant,
    load: Load,
    recovery: Duration,
) {
    let with_menu = if restaurant.has_menu { ", with a menu" } else { "" };
    let by_message = if restaurant.requests.is_some() { ", also by message" } else { "" };
    let scenario = &format!("{scenario}{with_menu}{by_message}");
    let attempts = load.stop().await;
    let sent = match restaurant.requests.take() {
        Some(requests) => Some(requests.stop().await),
        None => None,
    };
    let database = restaurant.stage.database().await;
    until_rest(scenario, &database).await;
    let orders = stored(&database).await;

    let accepted = attempts.iter().filter(|attempt| attempt.response.is_acceptance()).count();
    let (lost, doubled) = against_the_clients(&attempts, &orders);
    report(&format!(
        "| {scenario} | {} | {accepted} | {} | {} | {} ms |",
        attempts.len(),
        lost.len(),
        doubled.len(),
        recovery.as_millis(),
    ));
    if let Some(drill) = drill {
        let acceptances = attempts.iter().filter(|attempt| attempt.response.is_acceptance());
        let outcome = Outcome {
            drill,
            broken: scenario.clone(),
            placed: attempts.len(),
            acknowledged: accepted,
            lost: lost.len(),
            doubled: doubled.len(),
            without_service: longest_gap(acceptances.map(|attempt| attempt.at)),
        };
        outcome.report();
    }
    assert!(lost.is_empty(), "{scenario}: lost: {lost:?}");
    assert!(doubled.is_empty(), "{scenario}: doubled: {doubled:?}");
    every_transition_was_shown(scenario, &restaurant.subscriber, orders.values()).await;
    let broker = restaurant.stage.broker().await;
    queues_are_empty(scenario, &broker, restaurant).await;
    audit_finds_nothing(scenario, restaurant).await;
    if restaurant.has_menu {
        menu::adds_up(scenario, &database).await;
    }
    if let Some(sent) = sent {
        sent.are_decided_once(scenario, &database).await;
    }
    for (name, service) in restaurant.services() {
        did_not_panic(name, service);
    }
    broker.close().await;
}

/// Like [`holds`]. Then all services are stopped, and must end successfully and leave nothing
/// behind.
pub async fn holds_to_the_end(scenario: &str, mut restaurant: Restaurant, load: Load, recovery: Duration) {
    holds(scenario, &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

/// Stops every service. Each must end successfully. Messages that one held unacknowledged would be
/// in their queues now.
pub async fn closes(mut restaurant: Restaurant) {
    for (name, service) in restaurant.services() {
        did_not_panic(name, service);
        assert_eq!(service.stop().await, Some(0), "{name} did not end well: {:?}", service.errors());
        did_not_panic(name, service);
    }
    let broker = restaurant.stage.broker().await;
    for queue in QUEUES {
        assert_eq!(broker.ready(queue).await, 0, "{queue}: messages were still in somebody's hands");
    }
    broker.close().await;
}

/// Prints the result of a scenario, also to the file of `cargo xtask faults`.
pub fn report(row: &str) {
    println!("{row}");
    if let Some(table) = std::env::var_os("FAULTS_TABLE") {
        let table = std::fs::OpenOptions::new().append(true).create(true).open(table);
        writeln!(table.unwrap(), "{row}").unwrap();
    }
}

/// Waits until every stored order is ready or cancelled, published, and without a claim, and until
/// all workers have sent a heartbeat.
async fn until_rest(scenario: &str, database: &Database) {
    let left = "select (select count(*) from orders where status in ('received', 'cooking')) as open,
                       (select count(*) from order_outbox join orders on id = order_id) as outbox,
                       (select count(*) from status_outbox) as updates,
                       (select count(*) from request_outbox) as events,
                       (select count(*) from order_requests where status = 'PROCESSING') as undecided,
                       (select count(*) from order_claims) as claims,
                       (select count(*) from workers
                            where status = 'online' and last_seen < now() - interval '2 seconds') as silent";
    // As long as orders are being cooked, the backlog is merely large.
    let (mut least, mut since) = (i64::MAX, Instant::now());
    loop {
        let row = database.rows(left).await.remove(0);
        let counts: Vec<i64> = row.as_object().unwrap().values().filter_map(Value::as_i64).collect();
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        let open = counts.iter().sum();
        if open < least {
            (least, since) = (open, Instant::now());
        }
        assert!(since.elapsed() < REST_LIMIT, "{scenario}: nothing has changed for {REST_LIMIT:?}: {row}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Orders by customer.
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

/// Compares the responses with the outcomes. Returns the lost orders, and those that were cooked
/// although they should not, or twice.
fn against_the_clients(attempts: &[Attempt], orders: &HashMap<String, Stored>) -> (Vec<String>, Vec<String>) {
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for attempt in attempts {
        let order = orders.get(&attempt.customer);
        let life: Vec<&str> =
            order.map(|order| order.life.iter().map(String::as_str).collect()).unwrap_or_default();
        let cooked_once = life == ["received", "cooking", "ready"];
        let never_cooked = life.is_empty() || life == ["received", "cancelled"];
        let told = format!("{attempt:?}: {life:?}");
        let is_cancelled = life.last() == Some(&"cancelled");
        let has_number = |number: &String| order.is_some_and(|order| order.number == *number);
        match &attempt.response {
            Response::Cancelled(number) if !is_cancelled || !has_number(number) => lost.push(told),
            Response::PerhapsCancelled(number) if is_cancelled && has_number(number) => {}
            Response::Accepted(number) | Response::PerhapsCancelled(number) => {
                if life.iter().filter(|status| **status == "cooking" || **status == "ready").count() > 2 {
                    doubled.push(told);
                } else if !cooked_once
                    || !has_number(number)
                    || order.is_none_or(|order| order.status != "ready")
                {
                    lost.push(told);
                }
            }
            Response::Refused(_) if !never_cooked => doubled.push(told),
            Response::Failed(_) if !never_cooked && !cooked_once => doubled.push(told),
            Response::Cancelled(_) | Response::Refused(_) | Response::Failed(_) => {}
        }
    }
    (lost, doubled)
}

/// The numbers of all orders that have been placed so far.
pub async fn placed_so_far(database: &Database) -> HashSet<String> {
    stored(database).await.into_values().map(|order| order.number).collect()
}

/// A subscriber that was started during the scenario must show every change once, of the orders
/// that were placed after its start.
pub async fn shows_later_orders(
    scenario: &str,
    subscriber: &Service,
    database: &Database,
    placed_before: &HashSet<String>,
) {
    let orders = stored(database).await;
    assert!(orders.len() > placed_before.len(), "{scenario}: no order was placed after its start");
    let later = orders.values().filter(|order| !placed_before.contains(&order.number));
    every_transition_was_shown(scenario, subscriber, later).await;
}

/// A subscriber without interruptions must show every change once.
async fn every_transition_was_shown(
    scenario: &str,
    subscriber: &Service,
    orders: impl Iterator<Item = &Stored>,
) {
    let mut missing: HashSet<String> = orders
        .flat_map(|order| {
            order.life.windows(2).map(|change| {
                format!("order {}: Status changed from '{}' to '{}'", order.number, change[0], change[1])
            })
        })
        .collect();
    let mut shown = BTreeMap::<String, usize>::new();
    let start = Instant::now();
    loop {
        shown.clear();
        for line in subscriber.console() {
            let sentence = line.trim_start_matches("Notification for ");
            let sentence = sentence.rsplit_once(" by ").map_or(sentence, |(what, _)| what).to_owned();
            missing.remove(&sentence);
            *shown.entry(sentence).or_default() += 1;
        }
        if missing.is_empty() {
            break;
        }
        assert!(start.elapsed() < testkit::DEADLINE, "{scenario}: never shown: {missing:?}");
        sleep(Duration::from_millis(50)).await;
    }
    shown.retain(|_, times| *times > 1);
    assert!(shown.is_empty(), "{scenario}: shown more than once: {shown:?}");
}

/// No message waits or is unacknowledged. A worker may still hold a copy of an order that another
/// one cooks, until it checks again, so this is awaited.
async fn queues_are_empty(scenario: &str, broker: &Broker, restaurant: &mut Restaurant) {
    let start = Instant::now();
    while broker.messages(&QUEUES).await > 0 {
        if start.elapsed() > testkit::DEADLINE {
            let left = whereabouts(broker, restaurant).await;
            panic!("{scenario}: a message is still in a queue, or in somebody's hands: {left}");
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The remaining messages, and the workers' last log lines.
async fn whereabouts(broker: &Broker, restaurant: &mut Restaurant) -> String {
    let mut left = String::new();
    for queue in QUEUES {
        let (all, ready) = (broker.messages(&[queue]).await, broker.ready(queue).await);
        if all > 0 {
            let first = broker.take_now(queue).await;
            let _ = write!(left, "\n{queue}: {all}, of which ready {ready}: {first:?}");
        }
    }
    for (name, service) in restaurant.services() {
        let lines = service.raw_lines();
        let last = &lines[lines.len().saturating_sub(20)..];
        let _ = write!(left, "\n{name}:\n{}", last.join("\n"));
    }
    left
}

/// Runs `restaurant-ctl audit`, as an operator would.
async fn audit_finds_nothing(scenario: &str, restaurant: &Restaurant) {
    let audit = Launch::new("restaurant-ctl", restaurant.stage.environment());
    let ended = audit.arg("audit").arg("--settled").arg("--json").run_to_end().await;
    let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let checks = said["checks"].as_array().unwrap();
    let findings: Vec<&Value> = checks.iter().filter(|check| check["outcome"] != "ok").collect();
    assert!(findings.is_empty(), "{scenario}: the audit found {findings:?}");
    assert_eq!(ended.code, Some(0), "{scenario}: {}", ended.stderr);
}

/// Every log line must be JSON, and none may report a panic.
fn did_not_panic(name: &str, service: &Service) {
    let lines = service.log_lines();
    let panicked = lines.iter().find(|line| line["action"] == "panic");
    assert!(panicked.is_none(), "{name}: {panicked:?}");
}
