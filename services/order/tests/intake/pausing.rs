//! While the staff takes no orders, messages wait in their queue.

use serde_json::json;
use testkit::http::send;
use testkit::{Service, eventually};

use crate::counter::{Counter, ID, QUEUE, plain, wanted_as};

const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");

async fn pause(service: &Service) {
    let headers = [STAFF, ("Content-Type", "application/json")];
    let body = json!({"minutes": 5, "message": "The oven is off"}).to_string();
    let answer = send(service.port(), "POST", "/intake/pause", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn messages_wait_during_a_pause_and_are_carried_out_afterwards() {
    let counter =
        Counter::open_with(|launch| launch.env("ORDER_STAFF_KEY", "the-staff-knows-this-key")).await;
    pause(&counter.service).await;
    eventually("nobody to consume", async || (counter.broker.consumers(QUEUE).await == 0).then_some(()))
        .await;
    counter.send(plain(), &wanted_as(ID)).await;
    eventually("the message", async || (counter.broker.ready(QUEUE).await == 1).then_some(())).await;
    assert_eq!(counter.count("orders").await, 0);
    assert_eq!(counter.count("order_requests").await, 0);

    let ended = send(counter.service.port(), "DELETE", "/intake/pause", &[STAFF], b"").await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 1);
}

#[tokio::test]
async fn a_message_beyond_the_limit_waits_until_there_is_room() {
    let counter = Counter::open_with(|launch| launch.env("INTAKE_MAX_WAITING", "1")).await;
    counter.send(plain(), &wanted_as(ID)).await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    counter.send(plain(), &wanted_as("019ab6ce-5d80-7c3e-8f12-3456789abcdf")).await;
    eventually("it to be in work", async || {
        (counter.broker.ready(QUEUE).await == 0 && counter.broker.messages(&[QUEUE]).await == 1).then_some(())
    })
    .await;
    assert_eq!(counter.count("orders").await, 1);
    let _worker = counter.stage.kitchen_worker("chef").start().await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 2);
}
