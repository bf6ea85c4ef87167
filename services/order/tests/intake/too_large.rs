//! An event that is larger than RabbitMQ takes.

use serde_json::{Value, json};
use testkit::{Stage, eventually};

use crate::counter::{Counter, ID, another_service, plain, wanted, wanted_as};

/// In bytes: more than the message of the order below, and less than the event with its outcome.
const LIMIT: usize = 420;
/// Of RabbitMQ's default.
const DEFAULT_LIMIT: usize = 134_217_728;

async fn limit_messages(stage: &mut Stage, bytes: usize) {
    let set = format!("application:set_env(rabbit, max_message_size, {bytes}).");
    let said = stage.own_servers().rabbitmq.console().evaluate(&set).await.unwrap();
    assert!(said.starts_with("{ok,"), "{said}");
}

/// As with orders and status updates: the relay goes on trying, and says so each time.
#[tokio::test]
async fn an_event_that_is_too_large_is_told_holds_up_no_other_and_goes_once_it_may() {
    let mut stage = Stage::with_own_servers().await;
    limit_messages(&mut stage, LIMIT).await;
    let mut counter = Counter::open_on(stage, |launch| launch).await;
    let mut large = wanted_as(ID);
    large["items"] =
        json!(["a", "b"].map(|item| json!({"name": item.repeat(50), "quantity": 1, "price": 1})));
    counter.send(plain(), &large).await;
    for status in ["PROCESSING", "CONFIRMED"] {
        assert_eq!(counter.status().await["status"], status);
    }
    let is_told = |line: &Value| {
        line["action"] == "rabbitmq_publish_failed"
            && line["details"]["order_id"] == ID
            && line["error"]["msg"].as_str().unwrap().contains("raise max_message_size")
    };
    counter.service.log_where("the event", is_told).await;
    counter.send(plain(), &wanted()).await;
    let outcome = counter.outcome().await;
    assert_ne!(outcome["order_id"], ID);
    assert_eq!(outcome["status"], "CONFIRMED");
    let refused = "request_outbox where stream = 'outcome' and attempts > 0";
    eventually("all other events to go", async || {
        (counter.count("request_outbox").await == 1 && counter.count(refused).await == 1).then_some(())
    })
    .await;

    // A channel learns its limit when it is opened.
    limit_messages(&mut counter.stage, DEFAULT_LIMIT).await;
    assert_eq!(counter.service.stop().await, Some(0));
    counter.database.execute("update request_outbox set due_at = now()").await;
    let _next = another_service(&counter.stage).await;
    assert_eq!(counter.outcome().await["order_id"], ID);
    eventually("an empty outbox", async || (counter.count("request_outbox").await == 0).then_some(())).await;
}
