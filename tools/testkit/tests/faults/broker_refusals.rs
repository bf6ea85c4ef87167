//! RabbitMQ runs, and refuses: queues are deleted, full, unbound, or have other settings.

use amqprs::FieldTable;
use testkit::{Launch, Service, Stage};

use crate::refusing_queues::{accept_again, refuse};
use crate::restaurant::Restaurant;
use crate::verdict::{closes, holds, recovers};

const KITCHEN_QUEUES: [&str; 4] =
    ["kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_dine_in_queue", "kitchen_queue"];

#[tokio::test]
async fn queues_and_exchanges_are_deleted_under_load() {
    let mut restaurant = Restaurant::open().await;
    let broker = restaurant.stage.broker().await;

    let load = restaurant.load();
    load.accepts(20).await;
    for queue in KITCHEN_QUEUES {
        broker.delete(queue).await;
        load.gets_responses(10).await;
    }
    let recovery = recovers(&load).await;
    holds("all kitchen queues deleted", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    for exchange in ["orders_topic", "notifications_fanout", "orders_unrouted", "orders_dlx"] {
        load.accepts(10).await;
        broker.delete_exchange(exchange).await;
        load.gets_responses(10).await;
    }
    let recovery = recovers(&load).await;
    holds("all exchanges deleted", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn queues_that_are_full_and_messages_that_nobody_takes() {
    let mut restaurant = Restaurant::open().await;
    let broker = restaurant.stage.broker().await;

    let load = restaurant.load();
    load.accepts(10).await;
    // The broker answers basic.nack.
    refuse(&broker, "^kitchen_").await;
    load.is_refused().await;
    load.gets_responses(10).await;
    accept_again(&broker, &restaurant).await;
    let recovery = recovers(&load).await;
    holds("queues full: publishes rejected (nack)", &mut restaurant, load, recovery).await;

    let load = restaurant.load();
    load.accepts(10).await;
    // Neither a typed queue nor the safety net accepts it: the broker answers basic.return.
    let bindings = [
        ("orders_topic", "kitchen_takeout_queue"),
        ("orders_topic", "kitchen_delivery_queue"),
        ("orders_topic", "kitchen_dine_in_queue"),
        ("orders_unrouted", "kitchen_queue"),
    ];
    for (exchange, queue) in bindings {
        broker.unbind(exchange, queue).await;
    }
    load.gets_responses(20).await;
    let recovery = recovers(&load).await;
    let returned =
        restaurant.order_services.iter().flat_map(|service| service.logged("rabbitmq_publish_failed"));
    assert!(returned.count() > 0, "nobody noticed");
    holds("messages returned as unroutable", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

/// A queue that another program declared with other settings is not touched. Only its order type is
/// affected: the service logs what to do, accepts all other orders, and those of this type once the
/// queue is repaired. The queue of dead letters affects no order.
#[tokio::test]
async fn a_queue_has_anothers_arguments() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    for queue in ["kitchen_takeout_queue", "kitchen_dlq"] {
        broker.declare(queue, FieldTable::new()).await;
    }
    let service = stage.order_service().start().await;
    let line = service
        .log_where("the queue's name", |line| {
            line["action"] == "rabbitmq_declaration_failed"
                && line.to_string().contains("kitchen_takeout_queue")
        })
        .await;
    assert!(line.to_string().contains("PRECONDITION_FAILED"), "{line}");
    assert!(line.to_string().contains("--if-empty"), "it does not say what to do: {line}");
    let takeout = testkit::orders::takeout().to_string();
    let answer = service.post("/orders", &takeout).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(broker.ready("kitchen_takeout_queue").await, 0, "it was published nevertheless");
    service.place(&testkit::orders::dine_in()).await;
    service.place(&testkit::orders::delivery()).await;

    broker.delete("kitchen_takeout_queue").await;
    testkit::eventually("takeout orders", async || {
        (service.post("/orders", &takeout).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(service.logged("rabbitmq_connected").len(), 2, "the connection did not have to be reopened");
    broker.close().await;
}

/// Orders use another connection: without the stream they are accepted and cooked. Their status
/// updates are published when the stream is back.
#[tokio::test]
async fn the_stream_of_status_updates_cannot_be_had() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    broker.declare("notifications_queue", FieldTable::new()).await;
    let (_service, cook, number) = served(&stage).await;
    let line = cook.log("rabbitmq_connection_failed").await;
    assert!(line.to_string().contains("notifications_queue"), "{line}");

    broker.delete("notifications_queue").await;
    all_is_told(&stage, &number).await;
    broker.close().await;
}

/// The same, after RabbitMQ was killed while it created the stream.
#[tokio::test]
async fn the_broker_has_lost_the_stream_of_status_updates() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let mut earlier = stage.order_service().start().await;
    earlier.declared_all().await;
    assert_eq!(earlier.stop().await, Some(0));
    broker.lose("notifications_queue").await;

    let (_service, cook, number) = served(&stage).await;
    let line = cook.log("rabbitmq_connection_failed").await;
    assert!(
        line.to_string().contains("docs/operations.md, Troubleshooting"),
        "it does not say what to do: {line}"
    );
    let doctor = Launch::new("restaurant-ctl", stage.environment()).arg("doctor").run_to_end().await;
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("A queue that the broker has lost"), "{doctor:?}");

    broker.free_name("notifications_queue").await;
    all_is_told(&stage, &number).await;
    broker.close().await;
}

/// An order service, a worker, and the number of an order that they have processed.
async fn served(stage: &Stage) -> (Service, Service, String) {
    let service = stage.order_service().start().await;
    let cook = stage.kitchen_worker("chef_anna").cooking_seconds(0.0).start().await;
    let number = service.place(&testkit::orders::takeout()).await;
    cook.log("order_completed").await;
    (service, cook, number)
}

/// Asserts that a subscriber that reads from the first status update on sees all changes of the
/// order.
async fn all_is_told(stage: &Stage, number: &str) {
    let subscriber = stage.subscriber().arg("--from").arg("first").start().await;
    for change in ["'received' to 'cooking'", "'cooking' to 'ready'"] {
        assert!(subscriber.notification(change).await.contains(number));
    }
}
