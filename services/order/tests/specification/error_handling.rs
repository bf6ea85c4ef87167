//! "Error Handling": "If a database or RabbitMQ error occurs, return an HTTP 500", and what the two
//! answers promise: 200 means that the order will be cooked, 500 that it will not be.

use serde_json::{Value, json};
use testkit::broker::Broker;
use testkit::database::Database;
use testkit::orders::{takeout, with};
use testkit::{Stage, eventually};

use crate::in_work::{HeldCounter, placing};
use crate::refusal::problem;

/// Orders that are stored, with their history.
async fn stored(database: &Database) -> Vec<Value> {
    database
        .rows(
            "select o.status, array_agg(l.status || ' by ' || l.changed_by order by l.id) as history,
                    exists (select 1 from order_outbox where order_id = o.id) as outgoing
             from orders o join order_status_log l on l.order_id = o.id group by o.id order by o.id",
        )
        .await
}

fn cancelled() -> Value {
    let history = ["received by order-service", "cancelled by order-service"];
    json!({"status": "cancelled", "history": history, "outgoing": false})
}

#[tokio::test]
async fn while_the_broker_is_known_to_be_away_orders_are_refused_and_nothing_is_written() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let database = stage.database().await;
    proxy.cut();
    service.until_status("/readyz", 503).await;
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    assert_eq!(stored(&database).await, [] as [Value; 0]);
    let line = service.log("rabbitmq_publish_failed").await;
    assert_eq!(line["error"]["msg"], "there is no connection to RabbitMQ");

    proxy.mend();
    service.until_status("/readyz", 200).await;
    assert!(service.place(&takeout()).await.ends_with("_001"));
}

#[tokio::test]
async fn an_order_whose_broker_goes_away_between_commit_and_publication_is_cancelled() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let held = HeldCounter::of(&stage).await;
    let order = placing(&service);
    held.is_awaited().await;
    proxy.cut();
    service.until_status("/readyz", 503).await;
    held.release().await;
    problem(&order.await.unwrap(), 500);
    assert_eq!(stored(&stage.database().await).await, [cancelled()]);
    service.log("rabbitmq_publish_failed").await;
}

#[tokio::test]
async fn an_order_whose_message_is_not_confirmed_in_time_is_cancelled_and_never_cooked() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    proxy.silence();
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    let database = stage.database().await;
    assert_eq!(stored(&database).await, [cancelled()]);
    let line = service.log("rabbitmq_publish_failed").await;
    assert_eq!(line["error"]["msg"], "RabbitMQ did not confirm the message within 5 s");

    // The message did arrive. The kitchen sees that it must not be cooked.
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 1);
    let _worker = stage.kitchen_worker("chef_careful").start().await;
    eventually("an empty queue", async || {
        (stage.broker().await.ready("kitchen_takeout_queue").await == 0).then_some(())
    })
    .await;
    assert_eq!(stored(&database).await, [cancelled()]);
}

#[tokio::test]
async fn an_order_that_a_worker_already_has_stands_although_its_message_is_not_confirmed() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let worker = stage.kitchen_worker("chef_fast").start().await;
    proxy.silence();
    let order = placing(&service);
    worker.log("order_completed").await;
    let answer = order.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let order = &stored(&stage.database().await).await[0];
    assert_eq!((&order["status"], &order["outgoing"]), (&json!("ready"), &json!(false)));
}

#[tokio::test]
async fn an_order_that_no_queue_takes_is_cancelled() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    for queue in ["kitchen_takeout_queue", "kitchen_queue"] {
        broker.delete(queue).await;
    }
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    assert_eq!(stored(&stage.database().await).await, [cancelled()]);
    let line = service.log("rabbitmq_publish_failed").await;
    assert_eq!(line["error"]["msg"], "RabbitMQ has no queue for the message: NO_ROUTE");
    // What is missing is declared again, and the next order finds it.
    service.logs("rabbitmq_connected", 3).await;
    let number = service.place(&takeout()).await;
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], number.as_str());
}

#[tokio::test]
async fn an_order_that_its_own_queue_does_not_take_falls_into_the_safety_net() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    broker.delete("kitchen_takeout_queue").await;
    let number = service.place(&takeout()).await;
    assert_eq!(broker.take("kitchen_queue").await.json()["order_number"], number.as_str());
}

#[tokio::test]
async fn while_the_database_is_away_orders_are_refused_and_it_comes_back_by_itself() {
    let stage = Stage::new().await.at_noon().await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    service.place(&takeout()).await;
    proxy.cut();
    service.until_status("/readyz", 503).await;
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    service.log("db_transaction_failed").await;
    service.until_status("/readyz", 503).await;
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    proxy.mend();
    service.until_status("/readyz", 200).await;
    assert!(service.place(&takeout()).await.ends_with("_002"));
}

#[tokio::test]
async fn a_real_restart_of_either_server_needs_no_restart_of_the_service() {
    let mut stage = Stage::with_own_servers().await.at_noon().await;
    let service = stage.order_service().start().await;
    service.place(&takeout()).await;

    stage.own_servers().postgres.kill();
    // Known to be away: an order that is stored at the very moment of the kill has an
    // unknown outcome, and waits.
    service.until_status("/readyz", 503).await;
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    stage.own_servers().postgres.restart().await.unwrap();
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;

    stage.own_servers().rabbitmq.stop().await;
    service.until_status("/readyz", 503).await;
    problem(&service.post("/orders", &takeout().to_string()).await, 500);
    stage.own_servers().rabbitmq.restart().await.unwrap();
    service.until_status("/readyz", 200).await;
    let number = service.place(&takeout()).await;
    assert!(number.ends_with("_003"), "{number}");
    let broker = stage.broker().await;
    assert_eq!(waiting_orders(&broker).await, ["001", "002", "003"]);
}

async fn waiting_orders(broker: &Broker) -> Vec<String> {
    let mut numbers = Vec::new();
    while let Some(message) = broker.take_now("kitchen_takeout_queue").await {
        numbers.push(message.json()["order_number"].as_str().unwrap()[13..].to_owned());
    }
    numbers
}

#[tokio::test]
async fn a_validation_error_needs_neither_server() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let service = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string()).start().await;
    postgres.cut();
    rabbitmq.cut();
    let order = with(takeout(), "/items/0/quantity", json!(0));
    problem(&service.post("/orders", &order.to_string()).await, 400);
}
