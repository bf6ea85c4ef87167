//! Requests of users that may not send them (`rabbitmq.publishers`).

use amqprs::BasicProperties;
use serde_json::json;
use testkit::Stage;

use crate::counter::{Counter, ID, QUEUE, plain, wanted, wanted_as};

async fn open() -> (Counter, String) {
    let stage = Stage::new().await;
    let (ours, (name, publishers)) = (stage.servers.rabbitmq.user.clone(), stage.publishers());
    (Counter::open_on(stage, |launch| launch.env(name, publishers.clone())).await, ours)
}

fn of_user(name: &str) -> BasicProperties {
    BasicProperties::default().with_user_id(name).finish()
}

#[tokio::test]
async fn a_request_of_anybody_else_is_a_dead_letter_and_no_order() {
    let (counter, ours) = open().await;
    let stranger = counter.stage.broker_as("mallory").await;
    let body = wanted_as(ID).to_string();
    for (properties, said) in [
        (of_user("mallory"), "untrusted_publisher: the user 'mallory' may not send requests for orders"),
        (plain(), "untrusted_publisher: no user_id says who sent it"),
    ] {
        stranger.publish("", QUEUE, properties, &body).await;
        let letter = counter.broker.take("kitchen_dlq").await;
        assert_eq!(letter.body, body);
        assert!(letter.header("x-reason").starts_with(said), "{}", letter.header("x-reason"));
    }
    counter.until_all_are_taken().await;
    assert_eq!(counter.count("order_requests").await, 0);
    assert_eq!(counter.service.logs("message_untrusted", 2).await.len(), 2);
    // The same request of ours is carried out.
    counter.send(of_user(&ours), &wanted_as(ID)).await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
}

/// Without an id it is replaced by a copy, which the order service sends.
#[tokio::test]
async fn a_request_without_an_id_is_carried_out_as_its_copy() {
    let (counter, ours) = open().await;
    counter.send(of_user(&ours), &wanted()).await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
}

/// The copy is this service's, and would otherwise be trusted.
#[tokio::test]
async fn moving_a_request_makes_nobody_trusted() {
    let (counter, _) = open().await;
    let stranger = counter.stage.broker_as("mallory").await;
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    counter.broker.set_policy("full", "^kitchen_dlq$", full).await;
    stranger.publish("", QUEUE, of_user("mallory"), &wanted().to_string()).await;
    counter.service.logs("rabbitmq_publish_failed", 2).await;
    counter.broker.clear_policy("full").await;
    let letter = counter.broker.take("kitchen_dlq").await;
    assert!(letter.header("x-reason").contains("'mallory'"), "{letter:?}");
    assert_eq!(counter.count("orders").await, 0);
}
