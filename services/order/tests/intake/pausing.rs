//! While the staff takes no orders, messages wait in their queue.

use serde_json::json;
use testkit::http::send;
use testkit::{Launch, Service, eventually};

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

#[tokio::test]
async fn a_type_that_is_full_holds_up_no_other_and_no_repeated_message() {
    // It holds one message at a time.
    let one_room = |launch: Launch| launch.env("INTAKE_MAX_WAITING", "1").arg("--max-concurrent=1");
    let counter = Counter::open_with(one_room).await;
    counter.send(plain(), &wanted_as(ID)).await;
    assert_eq!(counter.outcome().await["order_id"], ID);
    counter.send(plain(), &wanted_as("019ab6ce-5d80-7c3e-8f12-3456789abcdf")).await;

    let mut another = wanted_as("019ab6ce-5d80-7c3e-8f12-3456789abce0");
    another["table_number"] = json!(7);
    another["order_type"] = json!("dine_in");
    counter.send(plain(), &another).await;
    assert_eq!(counter.outcome().await["order_id"], another["order_id"]);

    let replies = counter.broker.tap("amq.fanout", "").await;
    let mut properties = plain();
    counter.send(properties.with_reply_to(&replies).finish(), &wanted_as(ID)).await;
    assert_eq!(counter.broker.take(&replies).await.json()["status"], "CONFIRMED");
    // It is acknowledged after the reply.
    eventually("only the one that has no room", async || {
        (counter.broker.messages(&[QUEUE]).await == 1).then_some(())
    })
    .await;
    assert_eq!(counter.count("orders").await, 2);
}

/// Whatever a message waits for, it is given back, and afterwards the queue is consumed again.
#[tokio::test]
async fn a_pause_lets_go_of_messages_that_wait() {
    let counter =
        Counter::open_with(|launch| launch.env("ORDER_STAFF_KEY", "the-staff-knows-this-key")).await;
    // The order is stored, and its outcome will not be known.
    counter.broker.suspend("kitchen_takeout_queue").await;
    let mut properties = plain();
    let replies = counter.broker.tap("amq.fanout", "").await;
    counter.send(properties.with_reply_to(&replies).finish(), &wanted_as(ID)).await;
    eventually("the order", async || (counter.count("orders").await == 1).then_some(())).await;
    counter.service.log("rabbitmq_publish_failed").await;
    pause(&counter.service).await;
    eventually("the message to be back", async || (counter.broker.ready(QUEUE).await == 1).then_some(()))
        .await;
    assert_eq!(counter.broker.consumers(QUEUE).await, 0);
    counter.broker.resume("kitchen_takeout_queue").await;
    let ended = send(counter.service.port(), "DELETE", "/intake/pause", &[STAFF], b"").await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(counter.broker.take(&replies).await.json()["status"], "CONFIRMED");
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("orders").await, 1);
}
