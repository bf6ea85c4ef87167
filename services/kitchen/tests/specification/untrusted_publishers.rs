//! Orders of users that may not send them (`rabbitmq.publishers`).

use amqprs::BasicProperties;
use serde_json::json;
use testkit::{Launch, Stage, eventually, orders};

use crate::observe::{Tap, until, until_none_left};

const DEAD_LETTERS: &str = "kitchen_dlq";
const QUEUE: &str = "kitchen_takeout_queue";

fn of_user(name: &str) -> BasicProperties {
    BasicProperties::default().with_user_id(name).with_priority(5).finish()
}

/// What an operator replays. Returns how many messages were sent.
async fn replayed(stage: &Stage, which: &str) -> serde_json::Value {
    let launch = Launch::new("restaurant-ctl", stage.environment());
    let ended = launch.arg("dlq").arg("replay").arg("--json").arg(which).run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    counts["replayed"].clone()
}

#[tokio::test]
async fn an_order_of_ours_is_cooked_and_one_of_anybody_else_is_a_dead_letter() {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let orders = stage.order_service().env(name, &publishers).start().await;
    let sent = Tap::on_takeout_orders(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    let message = sent.next().await;
    let ours = message.properties.user_id().unwrap().clone();
    assert_eq!(ours, stage.servers.rabbitmq.user, "it names who sent it");

    let (broker, stranger) = (stage.broker().await, stage.broker_as("mallory").await);
    // Only the copies are left, and each tells of an order that is there.
    broker.purge(QUEUE).await;
    stranger.publish("orders_topic", "kitchen.takeout.5", of_user("mallory"), &message.body).await;
    let anonymous = BasicProperties::default();
    stranger.publish("orders_topic", "kitchen.takeout.5", anonymous, &message.body).await;

    let worker = stage.kitchen_worker("chef_anna").env(name, &publishers).start().await;
    let mut reasons = Vec::new();
    for _ in 0..2 {
        let dead = broker.take(DEAD_LETTERS).await;
        assert_eq!(dead.body, message.body);
        assert_eq!(dead.properties.user_id(), Some(&ours), "who moved it");
        let reason = dead.header("x-reason");
        if reason.contains("mallory") {
            assert_eq!(dead.header("x-original-user"), "mallory");
        }
        reasons.push(reason);
    }
    reasons.sort();
    assert!(reasons[0].starts_with("untrusted_publisher: no user_id says who sent it"), "{reasons:?}");
    assert!(
        reasons[1].starts_with("untrusted_publisher: the user 'mallory' may not send orders"),
        "{reasons:?}"
    );
    assert_eq!(worker.logs("message_untrusted", 2).await.len(), 2);
    until_none_left(&broker).await;
    let next = orders.place(&orders::takeout()).await;
    let database = stage.database().await;
    until(&database, &next, "ready").await;
    until(&database, &number, "received").await;
}

#[tokio::test]
async fn what_was_refused_is_replayed_only_if_it_is_meant_and_is_trusted_then() {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let orders = stage.order_service().start().await;
    let sent = Tap::on_takeout_orders(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    let message = sent.next().await;
    let (broker, stranger) = (stage.broker().await, stage.broker_as("mallory").await);
    broker.purge(QUEUE).await;
    stranger.publish("orders_topic", "kitchen.takeout.5", of_user("mallory"), &message.body).await;
    let _worker = stage.kitchen_worker("chef_anna").env(name, &publishers).start().await;
    eventually("a dead letter", async || (broker.ready(DEAD_LETTERS).await == 1).then_some(())).await;

    assert_eq!(replayed(&stage, "--all").await, 0);
    assert_eq!(broker.ready(DEAD_LETTERS).await, 1);
    assert_eq!(replayed(&stage, "--reason=untrusted_publisher").await, 1);
    until(&stage.database().await, &number, "ready").await;
    assert_eq!(broker.ready(DEAD_LETTERS).await, 0);
}

/// A copy is published by the worker, and would otherwise be trusted.
#[tokio::test]
async fn moving_a_message_makes_nobody_trusted() {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let orders = stage.order_service().start().await;
    let sent = Tap::on_takeout_orders(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    let message = sent.next().await;
    let (broker, stranger) = (stage.broker().await, stage.broker_as("mallory").await);
    broker.purge(QUEUE).await;
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy("full", &format!("^{DEAD_LETTERS}$"), full).await;
    stranger.publish("orders_topic", "kitchen.takeout.5", of_user("mallory"), &message.body).await;

    // It goes to the end of its queue, and comes again as the worker's.
    let worker = stage.kitchen_worker("chef_anna").env(name, &publishers).start().await;
    worker.logs("rabbitmq_publish_failed", 2).await;
    broker.clear_policy("full").await;
    let dead = broker.take(DEAD_LETTERS).await;
    assert!(dead.header("x-reason").contains("'mallory'"), "{dead:?}");
    until(&stage.database().await, &number, "received").await;
}

#[tokio::test]
async fn a_service_says_that_nobody_takes_what_it_sends() {
    let stage = Stage::new().await;
    let launch = stage.kitchen_worker("chef_anna").env("RABBITMQ_PUBLISHERS", "orders=a,status=b,requests=");
    let lines = launch.start().await.logs("publisher_untrusted", 2).await;
    let said: Vec<String> = lines.iter().map(|line| line["error"]["msg"].to_string()).collect();
    assert!(said.iter().any(|said| said.contains("may not send orders")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("may not send status updates")), "{said:?}");
}
