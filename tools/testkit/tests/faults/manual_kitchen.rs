//! A kitchen with a person at its display is killed while orders are in their hands.

use serde_json::{Value, json};
use testkit::http::send;
use testkit::{Launch, Service, Stage, eventually};

use crate::menu::{STAFF, STAFF_KEY};
use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

const COOK: &str = "chef_rosa";
/// Tickets on its page.
const TICKETS: usize = 4;

/// A manual worker behind the proxies of the others.
fn manual(restaurant: &Restaurant) -> Launch {
    restaurant
        .stage
        .kitchen_worker(COOK)
        .arg("--manual")
        .arg("--port=0")
        .arg(format!("--prefetch={TICKETS}"))
        .env("ORDER_STAFF_KEY", STAFF_KEY)
        .env("DB_PORT", restaurant.links.kitchen_to_postgres.port().to_string())
        .env("RABBITMQ_PORT", restaurant.links.kitchen_to_rabbitmq.port().to_string())
        .ready_when_probed()
}

async fn step(worker: &Service, number: &str, step: &str, seen: &str) {
    let body = json!({ "status": seen }).to_string();
    let path = format!("/tickets/{number}/{step}");
    let headers = [STAFF, ("Content-Type", "application/json")];
    let answer = send(worker.port(), "POST", &path, &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{step} {number}: {answer:?}");
}

/// The numbers of its tickets, as soon as there are as many as it takes.
async fn tickets(worker: &Service) -> Vec<String> {
    eventually("tickets", async || {
        let board = send(worker.port(), "GET", "/tickets", &[STAFF], b"").await.json();
        let waiting = board["tickets"].as_array()?.iter().filter(|ticket| ticket["status"] == "received");
        let numbers = waiting.map(|ticket| ticket["order_number"].as_str().unwrap().to_owned());
        let numbers: Vec<String> = numbers.collect();
        (numbers.len() >= TICKETS).then_some(numbers)
    })
    .await
}

/// What was started is cooked by another once the lease has ended, and what waited goes back at
/// once. What was ready before stays so.
#[tokio::test]
async fn a_manual_kitchen_is_killed_between_start_and_ready() {
    let environment = vec![("ORDER_STAFF_KEY", STAFF_KEY.to_owned())];
    let restaurant = Restaurant::open_on(async || (Stage::new().await, environment)).await;
    let database = restaurant.stage.database().await;
    let who = async |number: &str| -> Value {
        let sql = format!("select status || ' ' || processed_by from orders where number = '{number}'");
        database.value(&sql).await
    };
    let load = restaurant.load();
    for _ in 0..either(2, 8) {
        let mut rosa = manual(&restaurant).start().await;
        load.accepts(5).await;
        let numbers = tickets(&rosa).await;
        for number in &numbers[..3] {
            step(&rosa, number, "start", "received").await;
        }
        step(&rosa, &numbers[0], "ready", "cooking").await;
        rosa.kill().await;
        eventually("others to cook what was started", async || {
            for number in &numbers[1..] {
                let who = who(number).await;
                let who = who.as_str()?;
                if !who.starts_with("ready ") || who.ends_with(COOK) {
                    return None;
                }
            }
            Some(())
        })
        .await;
        assert_eq!(who(&numbers[0]).await, format!("ready {COOK}"));
        let taken = format!(
            "select count(*) from workers where name = '{COOK}' and status = 'online'
                 and last_seen >= now() - interval '2 seconds'"
        );
        eventually("the name to be free", async || (database.value(&taken).await == 0).then_some(())).await;
    }
    // It signs off, and what waits at it goes back.
    let mut rosa = manual(&restaurant).start().await;
    tickets(&rosa).await;
    assert_eq!(rosa.stop().await, Some(0));
    let recovery = recovers(&load).await;
    holds_to_the_end("manual kitchen killed between start and ready", restaurant, load, recovery).await;
}
