//! Rules that RabbitMQ and the database keep together, and a system at rest.

use amqprs::BasicProperties;
use serde_json::json;
use testkit::orders::{delivery, takeout};
use testkit::{Broker, Stage, eventually};

use crate::scene::{Served, audit, audit_with};

/// Places two takeout orders and one delivery order, without a worker. Their messages are in the
/// queues.
async fn waiting(stage: &Stage) {
    let mut orders = stage.order_service().start().await;
    orders.declared_all().await;
    for order in [takeout(), takeout(), delivery()] {
        orders.place(&order).await;
    }
    let database = stage.database().await;
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    assert_eq!(orders.stop().await, Some(0));
    database.execute("update orders set created_at = created_at - interval '10 minutes'").await;
}

#[tokio::test]
async fn orders_whose_queue_was_purged() {
    let stage = Stage::new().await;
    waiting(&stage).await;
    assert_eq!(audit(&stage, &[]).await.findings(), ["attention warn"]);
    stage.broker().await.purge("kitchen_takeout_queue").await;
    // An idle worker for other order types, and one for these, hide nothing.
    let _worker = stage.kitchen_worker("chef_mario").arg("--order-types=takeout").start().await;
    let _other = stage.kitchen_worker("chef_anna").arg("--order-types=delivery,dine_in").start().await;
    eventually("the delivery to be ready", async || {
        let ready = "select count(*) from orders where status = 'ready'";
        (stage.database().await.value(ready).await == 1).then_some(())
    })
    .await;
    let said = audit(&stage, &[]).await;
    assert_eq!(said.findings(), ["messages fail"], "{}", said.document);
    let check = said.check("messages");
    assert_eq!((said.code, &check["count"]), (Some(1), &json!(2)));
    assert!(check["examples"][0].as_str().unwrap().contains("(takeout) waits"), "{check}");
}

/// Two waiting takeout orders, and a third one that a worker already cooks.
async fn busy(stage: &Stage, options: &[&str]) -> Vec<testkit::Service> {
    let orders = stage.order_service().start().await;
    orders.declared_all().await;
    let mut launch = stage.kitchen_worker("chef_mario").cooking_seconds(600.0);
    for option in options {
        launch = launch.arg(*option);
    }
    let worker = launch.start().await;
    orders.place(&takeout()).await;
    worker.log("order_processing_started").await;
    for _ in 0..2 {
        orders.place(&takeout()).await;
    }
    let database = stage.database().await;
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    vec![orders, worker]
}

async fn with_both_in_the_queue(stage: &Stage) -> Broker {
    let broker = stage.broker().await;
    eventually("both messages in the queue", async || {
        (broker.ready("kitchen_takeout_queue").await == 2).then_some(())
    })
    .await;
    broker
}

const LONG_AGO: &str = "update orders set created_at = created_at - interval '10 minutes'";

#[tokio::test]
async fn a_busy_worker_hides_no_loss() {
    let stage = Stage::new().await;
    let _services = busy(&stage, &["--concurrency=1", "--prefetch=1"]).await;
    let broker = with_both_in_the_queue(&stage).await;
    broker.purge("kitchen_takeout_queue").await;
    stage.database().await.execute(LONG_AGO).await;
    let said = audit(&stage, &[]).await;
    assert_eq!(said.findings(), ["messages fail"], "{}", said.document);
    assert_eq!(said.check("messages")["count"], 2);
}

#[tokio::test]
async fn one_lost_message_of_several_is_noticed() {
    let stage = Stage::new().await;
    let _services = busy(&stage, &["--concurrency=1", "--prefetch=1"]).await;
    let broker = with_both_in_the_queue(&stage).await;
    broker.take("kitchen_takeout_queue").await;
    stage.database().await.execute(LONG_AGO).await;
    let said = audit(&stage, &[]).await;
    assert_eq!(said.findings(), ["messages fail"], "{}", said.document);
    assert_eq!(said.check("messages")["count"], 1);
}

#[tokio::test]
async fn orders_that_a_worker_holds_unclaimed_are_not_reported() {
    let stage = Stage::new().await;
    let _services = busy(&stage, &["--concurrency=1", "--prefetch=3"]).await;
    let database = stage.database().await;
    eventually("the worker to hold both", async || {
        let held = "select coalesce(sum(cardinality(unclaimed)), 0) from worker_sessions";
        (database.value(held).await == 2).then_some(())
    })
    .await;
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 0);
    database.execute(LONG_AGO).await;
    assert_eq!(audit(&stage, &[]).await.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn orders_without_a_worker() {
    let stage = Stage::new().await;
    waiting(&stage).await;
    let _worker = stage.kitchen_worker("chef_mario").arg("--order-types=delivery").start().await;
    let said = audit(&stage, &[]).await;
    assert_eq!((said.code, said.findings()), (Some(0), vec!["attention warn".to_owned()]));
    assert_eq!(said.check("attention")["examples"], json!(["kitchen_takeout_queue"]));
}

#[tokio::test]
async fn a_queue_that_was_deleted() {
    let served = Served::new().await;
    served.stage.broker().await.delete("notifications_queue").await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!((said.code, said.findings()), (Some(1), vec!["queues fail".to_owned()]));
    assert_eq!(said.check("queues")["examples"], json!(["notifications_queue"]));
}

/// What is in it is not known: it is neither absent nor empty.
#[tokio::test]
async fn a_queue_that_cannot_be_reached() {
    let served = Served::new().await;
    let broker = served.stage.broker().await;
    broker.lose("kitchen_dlq").await;
    let said = audit(&served.stage, &[]).await;
    broker.free_name("kitchen_dlq").await;
    assert_eq!(
        (said.code, said.findings().join(", ")),
        (Some(1), "queues fail, dead_letters unknown".to_owned())
    );
    let examples = said.check("queues")["examples"].to_string();
    assert!(examples.contains("kitchen_dlq: ") && examples.contains("inaccessible"), "{examples}");
}

#[tokio::test]
async fn the_queues_of_orders_by_message_are_looked_for_where_those_are_taken() {
    let served = Served::new().await;
    let said = audit_with(&served.stage, &[("INTAKE_ENABLED", "true")], &[]).await;
    assert_eq!((said.code, said.findings()), (Some(1), vec!["queues fail".to_owned()]));
    assert_eq!(
        said.check("queues")["examples"],
        json!(["validated_orders", "order_status_updates", "db_write_order_status"])
    );
    let broker = served.stage.broker().await;
    for queue in ["validated_orders", "order_status_updates", "db_write_order_status"] {
        broker.declare(queue, amqprs::FieldTable::new()).await;
    }
    // What is in a stream stays there.
    for queue in ["validated_orders", "order_status_updates"] {
        broker.publish("", queue, BasicProperties::default(), "a message").await;
    }
    let said = audit_with(&served.stage, &[("INTAKE_ENABLED", "true")], &["--settled"]).await;
    assert_eq!((said.code, said.findings()), (Some(1), vec!["queues_at_rest fail".to_owned()]));
    assert_eq!(said.check("queues_at_rest")["examples"], json!(["validated_orders: 1"]));
}

#[tokio::test]
async fn dead_letters() {
    let served = Served::new().await;
    let broker = served.stage.broker().await;
    broker.publish("orders_dlx", "", BasicProperties::default(), "nobody can read this").await;
    let said = audit(&served.stage, &["--settled"]).await;
    assert_eq!((said.code, said.findings()), (Some(0), vec!["dead_letters warn".to_owned()]));
    assert_eq!(said.check("dead_letters")["count"], 1);
}

#[tokio::test]
async fn a_settled_system_has_nothing_in_progress() {
    let stage = Stage::new().await;
    waiting(&stage).await;
    let said = audit(&stage, &["--settled"]).await;
    assert_eq!(said.findings(), ["at_rest fail", "attention warn", "queues_at_rest fail"]);
    let at_rest = said.check("at_rest");
    assert_eq!(at_rest["count"], 3);
    assert!(at_rest["examples"][0].as_str().unwrap().ends_with("is still received"), "{at_rest}");
    assert_eq!(
        said.check("queues_at_rest")["examples"],
        json!(["kitchen_takeout_queue: 2", "kitchen_delivery_queue: 1"])
    );
}

#[tokio::test]
async fn a_message_without_a_worker() {
    let served = Served::new().await;
    audit(&served.stage, &["--settled"]).await.assert_well();
    let broker = served.stage.broker().await;
    broker.publish("orders_topic", "unheard.of", BasicProperties::default(), "{}").await;
    let said = audit(&served.stage, &["--settled"]).await;
    assert_eq!(said.findings(), ["attention warn", "queues_at_rest fail"]);
    assert_eq!(said.check("queues_at_rest")["examples"], json!(["kitchen_queue: 1"]));
}

#[tokio::test]
async fn the_depths_are_printed() {
    let stage = Stage::new().await;
    waiting(&stage).await;
    let said = audit(&stage, &[]).await;
    let queues = said.document["queues"].as_array().unwrap();
    let takeout = queues.iter().find(|queue| queue["name"] == "kitchen_takeout_queue").unwrap();
    assert_eq!(takeout, &json!({"name": "kitchen_takeout_queue", "messages": 2, "consumers": 0}));
    let stream = queues.iter().find(|queue| queue["name"] == "notifications_queue").unwrap();
    assert!(stream["consumers"].is_null(), "{stream}");
    assert_eq!(queues.len(), 6);
}
