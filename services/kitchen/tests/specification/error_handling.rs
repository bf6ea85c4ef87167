//! "Error and Redelivery Handling": servers that are away, and queues with other settings.

use amqprs::FieldTable;
use amqprs::channel::BasicConsumeArguments;
use amqprs::connection::{Connection, OpenConnectionArguments};
use testkit::{Service, Stage, orders};

use crate::observe::{Tap, cooked_by, history, order, until, until_none_left, worker};

#[tokio::test]
async fn a_database_outage_while_an_order_cooks_delays_only_its_completion() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.kitchen_worker("chef_anna").env("DB_PORT", proxy.port().to_string());
    let service = launch.cooking_seconds(5.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    service.log("order_processing_started").await;
    proxy.cut();
    let line = service.log("db_connection_failed").await;
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"]["msg"].is_string() && line["error"]["stack"].is_string(), "{line}");
    assert_eq!(order(&database, &number).await["status"], "cooking");
    proxy.mend();
    service.log("order_completed").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 1);
    assert_eq!(updates.changes_until_ready(&[&number]).await.len(), 2);
    assert!(updates.rest().await.is_empty());
}

#[tokio::test]
async fn an_order_that_a_worker_cannot_start_goes_back_for_another() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let proxy = stage.postgres_proxy().await;
    let launch = stage.kitchen_worker("chef_cut_off").env("DB_PORT", proxy.port().to_string());
    let cut_off = launch.arg("--heartbeat-interval=30").start().await;
    proxy.cut();
    let number = orders.place(&orders::takeout()).await;
    let line = cut_off.log("db_connection_failed").await;
    assert!(line["message"].as_str().unwrap().contains(&number), "{line}");
    assert_eq!(order(&database, &number).await["status"], "received");
    let _other = stage.kitchen_worker("chef_other").start().await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_other", "chef_other"));
}

#[tokio::test]
async fn a_broker_outage_while_an_order_cooks_delays_only_its_status_updates() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.kitchen_worker("chef_anna").env("RABBITMQ_PORT", proxy.port().to_string());
    let mut service = launch.cooking_seconds(5.0).start().await;
    let number = orders.place(&orders::takeout()).await;
    assert_eq!(updates.next().await.json()["new_status"], "cooking");
    let before = service.logged("rabbitmq_publish_failed").len();
    proxy.cut();
    until(&database, &number, "ready").await;
    service.logs("rabbitmq_publish_failed", before + 1).await;
    assert!(updates.rest().await.is_empty());
    proxy.mend();
    assert_eq!(updates.changes_until_ready(&[&number]).await, [format!("{number}: ready by chef_anna")]);
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    // The message is redelivered, and dropped.
    service.log("order_skipped").await;
    assert_eq!(service.stop().await, Some(0));
    until_none_left(&stage.broker().await).await;
}

#[tokio::test]
async fn both_servers_may_be_away_when_the_worker_starts() {
    let stage = Stage::new().await;
    let number = stage.order_service().start().await.place(&orders::takeout()).await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    postgres.cut();
    rabbitmq.cut();
    let service = stage
        .kitchen_worker("chef_anna")
        .env("DB_PORT", postgres.port().to_string())
        .env("RABBITMQ_PORT", rabbitmq.port().to_string())
        .ready_at_once()
        .start()
        .await;
    service.logs("db_connection_failed", 2).await;
    postgres.mend();
    service.log("worker_registered").await;
    service.logs("rabbitmq_connection_failed", 2).await;
    rabbitmq.mend();
    until(&stage.database().await, &number, "ready").await;
}

#[tokio::test]
async fn a_queue_that_is_deleted_is_declared_again() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let connected = || {
        let lines = service.logged("rabbitmq_connected");
        lines.iter().filter(|line| line["message"].as_str().unwrap().contains("queues")).count()
    };
    assert_eq!(connected(), 1);
    stage.broker().await.delete("kitchen_takeout_queue").await;
    testkit::eventually("a new session", async || (connected() == 2).then_some(())).await;
    let number = orders.place(&orders::takeout()).await;
    until(&stage.database().await, &number, "ready").await;
}

#[tokio::test]
async fn a_queue_that_exists_with_other_settings_is_named_and_waited_for() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare("kitchen_takeout_queue", FieldTable::new()).await;
    let cook = stage.kitchen_worker("chef_anna").arg("--order-types=takeout").ready_at_once();
    let service = cook.start().await;
    let line = service.logs("rabbitmq_connection_failed", 4).await.remove(3);
    let message = line["error"]["msg"].as_str().unwrap();
    for part in ["'kitchen_takeout_queue'", "inequivalent arg", "other settings", "--if-empty --if-unused"] {
        assert!(message.contains(part), "without '{part}': {message}");
    }
    broker.delete("kitchen_takeout_queue").await;
    consumes(&service, "kitchen_takeout_queue").await;
}

/// Waits for a session that consumes this queue.
async fn consumes(service: &Service, queue: &str) {
    let what = format!("consuming {queue}");
    service
        .log_where(&what, |line| {
            line["action"] == "rabbitmq_connected" && line["message"].as_str().unwrap().contains(queue)
        })
        .await;
}

/// A queue that cannot be used affects only its order type: a general worker goes on with the
/// others, and consumes the queue once it can.
#[tokio::test]
async fn a_general_worker_consumes_every_usable_queue() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    for queue in ["kitchen_takeout_queue", "kitchen_dlq"] {
        broker.declare(queue, FieldTable::new()).await;
    }
    let orders = stage.order_service().start().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let line = service.log("rabbitmq_declaration_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("'kitchen_takeout_queue'"), "{line}");
    let number = orders.place(&orders::dine_in()).await;
    let database = stage.database().await;
    until(&database, &number, "ready").await;
    // The queue of the dead letters has other settings as well.
    let properties = amqprs::BasicProperties::default();
    broker.publish("orders_topic", "kitchen.dine_in.1", properties, "no order").await;
    assert_eq!(broker.take("kitchen_dlq").await.body, "no order");

    broker.delete("kitchen_takeout_queue").await;
    consumes(&service, "kitchen_takeout_queue").await;
    let answer = testkit::eventually("orders of this type", async || {
        let answer = orders.post("/orders", &orders::takeout().to_string()).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    until(&database, answer.json()["order_number"].as_str().unwrap(), "ready").await;
}

/// A retry may fail before the broker answers about the queue.
#[tokio::test]
async fn the_cause_of_a_failed_retry_of_a_queue_is_logged() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare("kitchen_takeout_queue", FieldTable::new()).await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let failed = async |part: &str| {
        let what = format!("rabbitmq_declaration_failed: {part}");
        let fits = |line: &serde_json::Value| {
            line["action"] == "rabbitmq_declaration_failed"
                && line["message"].as_str().unwrap().contains(part)
        };
        service.log_where(&what, fits).await
    };
    failed("No orders can be taken from 'kitchen_takeout_queue'").await;
    let path = format!("/api/vhost-limits/{}/max-connections", stage.name);
    let limit = Some("{\"value\": 1}");
    let admin = stage.servers.rabbitmq_admin();
    assert!(admin.request("PUT", &path, limit).await.unwrap().status < 300);
    let line = failed("'kitchen_takeout_queue' could not be declared again").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("connection limit"), "{line}");
    assert!(admin.request("DELETE", &path, None).await.unwrap().status < 300);
    broker.delete("kitchen_takeout_queue").await;
    consumes(&service, "kitchen_takeout_queue").await;
}

#[tokio::test]
async fn a_session_that_opens_and_may_not_consume_is_tried_less_and_less_often() {
    let stage = Stage::new().await;
    let _orders = stage.order_service().start().await;
    let server = &stage.servers.rabbitmq;
    let arguments = OpenConnectionArguments::new("127.0.0.1", server.port, &server.user, &server.password)
        .virtual_host(&stage.name)
        .finish();
    let connection = Connection::open(&arguments).await.unwrap();
    let channel = connection.open_channel(None).await.unwrap();
    let alone = BasicConsumeArguments::new("kitchen_takeout_queue", "alone").exclusive(true).finish();
    channel.basic_consume_rx(alone).await.unwrap();

    let service = stage.kitchen_worker("chef_anna").start().await;
    let refused = service.logs("rabbitmq_connection_failed", 6).await;
    let reason = refused[5]["error"]["msg"].as_str().unwrap();
    assert!(reason.contains("consuming 'kitchen_takeout_queue'"), "{reason}");
    assert!(refused[5]["details"]["retry_in_ms"].as_u64().unwrap() >= 1_000, "{refused:?}");
}
