//! Row ids and order numbers recur: after a failover that lost sequence values, in a recreated
//! database with an old broker, and after the restore of a backup. No order is taken for another.

use std::collections::{BTreeSet, HashMap};

use testkit::broker::Message;
use testkit::database::Database;
use testkit::http::{self, Answer};
use testkit::{Broker, Stage, eventually};

use crate::load::{Attempt, Response, order};
use crate::restaurant::{COOKS, Restaurant};
use crate::verdict::{closes, holds, holds_to_the_end, recovers};

/// The number of orders that the database loses.
const FORGOTTEN: usize = 12;

/// The advice that is logged when an id is taken.
const CATCH_UP: &str =
    "select setval(pg_get_serial_sequence('orders', 'id'), greatest((select max(id) from orders),
     (select max(order_id) from order_identities), (select max(order_id) from order_outbox)))";

/// An order that was answered 200.
struct Placed {
    customer: String,
    number: String,
    token: String,
}

/// A restaurant whose daily numbers do not restart during the test.
async fn open_at_noon() -> Restaurant {
    Restaurant::open_on(async || (Stage::new().await.at_noon().await, Vec::new())).await
}

async fn stop_cooks(restaurant: &mut Restaurant) {
    for cook in &mut restaurant.cooks {
        assert_eq!(cook.stop().await, Some(0));
    }
}

async fn start_cooks(restaurant: &mut Restaurant) {
    for (place, name) in COOKS.into_iter().enumerate() {
        restaurant.cooks[place] = restaurant.cook(name).start().await;
    }
}

/// Places orders for customers of this name, in sequence, of all types and priorities. Returns them
/// after their outbox rows are settled.
async fn placed(restaurant: &Restaurant, name: &str) -> Vec<Placed> {
    let mut all = Vec::new();
    for number in 0..FORGOTTEN {
        let customer = format!("{name} {number}");
        let service = &restaurant.order_services[number % restaurant.order_services.len()];
        let answer = service.post("/orders", &order(&customer, number).to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let number = answer.json()["order_number"].as_str().unwrap().to_owned();
        all.push(Placed { customer, number, token: answer.header("x-order-token").to_owned() });
    }
    let database = restaurant.stage.database().await;
    eventually("a settled outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    all
}

async fn cancel(port: u16, number: &str, token: &str) -> Answer {
    http::send(port, "POST", &format!("/orders/{number}/cancel"), &[("X-Order-Token", token)], b"").await
}

/// Asserts that the messages of these orders, whose numbers other orders have now, are dead
/// letters, each once and with its reason.
async fn are_dead_letters(broker: &Broker, forgotten: &[Placed]) {
    let mut dead = Vec::<Message>::new();
    while dead.len() < forgotten.len() {
        dead.push(broker.take("kitchen_dlq").await);
    }
    let customers: BTreeSet<_> = dead.iter().map(customer_of).collect();
    assert_eq!(customers, forgotten.iter().map(|order| order.customer.clone()).collect());
    for letter in &dead {
        let (number, reason) = (letter.json()["order_number"].clone(), letter.header("x-reason"));
        let expected = format!("another order that had the number {}", number.as_str().unwrap());
        assert!(reason.contains(&expected), "{reason}");
    }
}

fn customer_of(letter: &Message) -> String {
    letter.json()["customer_name"].as_str().unwrap().to_owned()
}

/// Asserts that the workers cooked what was ordered, not the former order of the number.
async fn is_cooked_as_ordered(restaurant: &Restaurant) {
    let database = restaurant.stage.database().await;
    let ordered = database.rows("select number, type from orders").await;
    let ordered: HashMap<_, _> =
        ordered.iter().map(|row| (row["number"].to_string(), row["type"].to_string())).collect();
    for line in restaurant.cooks.iter().flat_map(|cook| cook.logged("order_processing_started")) {
        let number = line["details"]["order_number"].to_string();
        assert_eq!(ordered.get(&number), Some(&line["details"]["order_type"].to_string()), "{line}");
    }
}

/// The number of times that an order service did not know whether an order was stored.
fn doubts(restaurant: &Restaurant) -> usize {
    let lines = restaurant.order_services.iter().flat_map(|service| service.logged("db_transaction_failed"));
    lines.filter(|line| line["message"].as_str().unwrap().contains("not known")).count()
}

async fn wait_at_the_counter(database: &Database, how: &str, fits: impl Fn(u64) -> bool) {
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                   and datname = current_database() and application_name = 'order-service'";
    eventually(how, async || fits(database.value(waiting).await.as_u64().unwrap()).then_some(())).await;
}

/// Transactions get ids of other orders, and their answers are held back: once they run before the
/// service checks their outcome, once after.
#[tokio::test]
async fn ids_recur_while_answers_are_held_back() {
    let restaurant = Restaurant::open().await;
    let (database, counter) = (restaurant.stage.database().await, restaurant.stage.database().await);
    let link = &restaurant.links.orders_to_postgres;
    let load = restaurant.load();
    // More than are in progress at any moment: all of those get taken ids.
    load.accepts(60).await;
    for late in [false, true] {
        let known = doubts(&restaurant);
        // Transactions that store an order wait here, before they get its id.
        counter.execute("begin; select 1 from order_counters for update").await;
        wait_at_the_counter(&database, "an order that waits for its number", |count| count > 0).await;
        database.execute("select setval('orders_id_seq', 1, false)").await;
        link.silence();
        if !late {
            counter.execute("commit").await;
            wait_at_the_counter(&database, "the ends of the transactions", |count| count == 0).await;
        }
        link.cut();
        eventually("an unknown outcome", async || (doubts(&restaurant) > known).then_some(())).await;
        link.mend();
        load.is_refused().await;
        if late {
            counter.execute("commit").await;
        }
        database.execute(CATCH_UP).await;
        load.accepts(10).await;
    }
    let recovery = recovers(&load).await;
    let others =
        |attempt: &Attempt| !matches!(attempt.response, Response::Accepted(_) | Response::Refused(500));
    let unclear: Vec<_> = load.attempts().into_iter().filter(others).collect();
    assert!(unclear.is_empty(), "each outcome was found out: {unclear:?}");
    holds_to_the_end("row ids come again, answers held back", restaurant, load, recovery).await;
}

#[tokio::test]
async fn a_database_is_recreated_with_an_old_broker() {
    let mut restaurant = open_at_noon().await;
    let broker = restaurant.stage.broker().await;
    stop_cooks(&mut restaurant).await;
    let forgotten = placed(&restaurant, "Forgotten").await;
    for service in &mut restaurant.order_services {
        assert_eq!(service.stop().await, Some(0));
    }
    let name = &restaurant.stage.name;
    let admin = Database::admin(&restaurant.stage.servers.postgres).await;
    admin.execute(&format!("drop database {name} with (force)")).await;
    admin.execute(&format!("create database {name}")).await;
    restaurant.stage.database().await.start_clock_at("2026-11-20 12:00:00+00").await;
    for place in 0..restaurant.order_services.len() {
        restaurant.replace_order_service(place).await;
    }

    let load = restaurant.load();
    load.accepts(2 * FORGOTTEN).await;
    let response: Vec<_> = load.attempts().into_iter().map(|attempt| attempt.response).collect();
    for order in &forgotten {
        assert!(
            response.contains(&Response::Accepted(order.number.clone())),
            "{} did not recur",
            order.number
        );
    }
    start_cooks(&mut restaurant).await;
    are_dead_letters(&broker, &forgotten).await;
    let recovery = recovers(&load).await;
    holds("database made anew, the broker not", &mut restaurant, load, recovery).await;
    is_cooked_as_ordered(&restaurant).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn a_backup_is_restored_and_the_last_numbers_recur() {
    let mut restaurant = open_at_noon().await;
    let (broker, database) = (restaurant.stage.broker().await, restaurant.stage.database().await);
    placed(&restaurant, "Kept").await;
    let cooked = "select count(*) from orders where status <> 'ready'";
    eventually("them to be cooked", async || (database.value(cooked).await == 0).then_some(())).await;
    stop_cooks(&mut restaurant).await;
    let backup = database.value("select max(id) from orders").await;
    let forgotten = placed(&restaurant, "Forgotten").await;
    // The services keep running, and notice nothing.
    database
        .execute(&format!(
            "begin;
             delete from order_items where order_id > {backup};
             delete from order_status_log where order_id > {backup};
             delete from rescue_attempts where order_id > {backup};
             delete from orders where id > {backup};
             update order_counters set last_number = last_number - {FORGOTTEN};
             select setval('orders_id_seq', {backup});
             commit"
        ))
        .await;

    let newcomers = placed(&restaurant, "Newcomer").await;
    for (old, new) in forgotten.iter().zip(&newcomers) {
        assert_eq!(old.number, new.number, "the test needs the same numbers once more");
        for service in &restaurant.order_services {
            let answer = cancel(service.port(), &new.number, &old.token).await;
            assert_eq!(answer.status, 403, "{answer:?}");
        }
    }
    let (gone, others) = newcomers.split_first().unwrap();
    let answer = cancel(restaurant.order_services[0].port(), &gone.number, &gone.token).await;
    assert_eq!(answer.status, 200, "her own token: {answer:?}");
    assert_eq!(database.value("select count(*) from orders where status = 'cancelled'").await, 1);

    let load = restaurant.load();
    for order in others {
        load.remember(order.customer.clone(), Response::Accepted(order.number.clone()));
    }
    start_cooks(&mut restaurant).await;
    are_dead_letters(&broker, &forgotten).await;
    let recovery = recovers(&load).await;
    holds("backup restored, the last numbers come again", &mut restaurant, load, recovery).await;
    is_cooked_as_ordered(&restaurant).await;
    closes(restaurant).await;
}
