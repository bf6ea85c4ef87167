//! `declaration` and `topology`: whoever comes first declares, whoever comes later finds it as it
//! is, and what cannot be had concerns only those who need it.

use bus::inspection::declare_kitchen;
use bus::topology::{
    DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, NOTIFICATIONS_QUEUE, ORDERS_EXCHANGE, SAFETY_NET_QUEUE,
};
use bus::{LinkState, Publisher, SessionError};
use domain::{OrderType, ServiceName};
use serde_json::{Value, json};
use testkit::wait::within;

use crate::scene::{
    DELIVERY_QUEUE, DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, message, outgoing, takeout,
};

/// All bindings except those of the default exchange.
pub async fn bindings(scene: &Scene) -> Vec<String> {
    let bindings = scene.broker.bindings().await;
    let text = |binding: &Value, name: &str| binding[name].as_str().unwrap().to_owned();
    let mut found: Vec<_> = bindings
        .as_array()
        .unwrap()
        .iter()
        .filter(|binding| binding["source"] != "")
        .map(|binding| {
            let [from, key, to] = ["source", "routing_key", "destination"].map(|name| text(binding, name));
            format!("{from} --{key}--> {to}")
        })
        .collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn everything_is_durable_and_has_its_arguments() {
    let scene = Scene::new().await;
    let publisher = scene.other_publisher(ServiceName::Order).await;
    within("the stream", publisher.status_updates_possible()).await;
    let orders = json!({
        "x-queue-type": "classic", "x-max-priority": 10, "x-dead-letter-exchange": "orders_dlx",
    });
    let stream = json!({
        "x-queue-type": "stream", "x-max-age": "1D", "x-max-length-bytes": 268_435_456,
        "x-stream-max-segment-size-bytes": 1_000_000,
    });
    for (queue, arguments) in [
        (TAKEOUT_QUEUE, &orders),
        (DELIVERY_QUEUE, &orders),
        (DINE_IN_QUEUE, &orders),
        (SAFETY_NET_QUEUE, &orders),
        (DEAD_LETTER_QUEUE, &json!({"x-queue-type": "classic"})),
        (NOTIFICATIONS_QUEUE, &stream),
    ] {
        let found = scene.broker.queue(queue).await;
        assert_eq!((&found["durable"], &found["arguments"]), (&json!(true), arguments), "{queue}");
    }
    for (exchange, kind, arguments) in [
        ("orders_topic", "topic", json!({"alternate-exchange": "orders_unrouted"})),
        ("orders_unrouted", "fanout", json!({})),
        ("orders_probe", "fanout", json!({})),
        ("orders_dlx", "fanout", json!({})),
        ("notifications_fanout", "fanout", json!({})),
    ] {
        let found = scene.broker.exchange(exchange).await;
        let is = (&found["durable"], &found["type"], &found["arguments"]);
        assert_eq!(is, (&json!(true), &json!(kind), &arguments), "{exchange}");
    }
    assert_eq!(
        bindings(&scene).await,
        [
            "notifications_fanout ----> notifications_queue",
            "orders_dlx ----> kitchen_dlq",
            "orders_topic --kitchen.delivery.*--> kitchen_delivery_queue",
            "orders_topic --kitchen.dine_in.*--> kitchen_dine_in_queue",
            "orders_topic --kitchen.takeout.*--> kitchen_takeout_queue",
            "orders_unrouted ----> kitchen_queue",
        ]
    );
}

#[tokio::test]
async fn several_who_declare_at_once_do_not_disturb_each_other() {
    let scene = Scene::new().await;
    let declare = || declare_kitchen(&scene.settings, "test");
    let (one, two, three) = tokio::join!(declare(), declare(), declare());
    one.and(two).and(three).unwrap();
}

#[tokio::test]
async fn declaring_again_keeps_what_lies_there() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10")]).await;
    declare_kitchen(&scene.settings, "test").await.unwrap();
    assert_eq!(scene.broker.ready(TAKEOUT_QUEUE).await, 1);
}

#[tokio::test]
async fn what_was_removed_is_declared_again() {
    let scene = Scene::new().await;
    scene.declared().await;
    let before = bindings(&scene).await;
    scene.broker.unbind(ORDERS_EXCHANGE, TAKEOUT_QUEUE).await;
    scene.broker.delete(DINE_IN_QUEUE).await;
    scene.broker.delete_exchange(DEAD_LETTER_EXCHANGE).await;
    declare_kitchen(&scene.settings, "test").await.unwrap();
    assert_eq!(bindings(&scene).await, before);
}

#[tokio::test]
async fn where_no_type_can_be_sent_there_is_no_connection_and_the_first_reason_is_told() {
    let scene = Scene::new().await;
    for queue in [TAKEOUT_QUEUE, DELIVERY_QUEUE, DINE_IN_QUEUE] {
        scene.strange_queue(queue).await;
    }
    let why = declare_kitchen(&scene.settings, "test").await.unwrap_err();
    assert!(matches!(&why, SessionError::AllRefused(reason) if reason.contains(DINE_IN_QUEUE)), "{why:?}");
    let (publisher, _) = Publisher::start(&scene.settings, ServiceName::Order, "test", &[], &scene.lines.log);
    scene.lines.said("rabbitmq_connection_failed", "inequivalent arg").await;
    assert!(!publisher.can_send_orders());
}

#[tokio::test]
async fn an_exchange_for_orders_of_another_type_is_told_with_what_to_do() {
    let scene = Scene::new().await;
    scene.strange_exchange(ORDERS_EXCHANGE, "fanout").await;
    let why = declare_kitchen(&scene.settings, "test").await.unwrap_err().to_string();
    assert!(
        why.contains("inequivalent arg 'type'") && why.contains("An exchange holds no messages"),
        "{why}"
    );
}

#[tokio::test]
async fn a_dead_letter_queue_with_other_settings_keeps_dead_letters_all_the_same() {
    let scene = Scene::new().await;
    // Only a binding brings letters into this queue.
    let mut arguments = amqprs::FieldTable::new();
    arguments.insert("x-max-length".try_into().unwrap(), amqprs::FieldValue::l(7));
    scene.broker.declare(DEAD_LETTER_QUEUE, arguments).await;
    let publisher = scene.publisher().await;
    scene
        .lines
        .said("rabbitmq_declaration_failed", "'kitchen_dlq' is not as it should be; orders go on")
        .await;
    for order_type in OrderType::ALL {
        assert_eq!(publisher.refusal_of(order_type), None);
    }
    assert!(bindings(&scene).await.contains(&"orders_dlx ----> kitchen_dlq".to_owned()));
}

#[tokio::test]
async fn a_safety_net_that_cannot_be_used_concerns_nobody_whose_queue_is_there() {
    let scene = Scene::new().await;
    scene.strange_queue(SAFETY_NET_QUEUE).await;
    let publisher = scene.publisher().await;
    for order in [takeout("10"), at_table()] {
        publisher.publish(outgoing(&message(&order))).await.unwrap();
    }
    scene.lines.said("rabbitmq_declaration_failed", "'kitchen_queue' is not as it should be").await;
}

#[tokio::test]
async fn a_subscriber_declares_its_part_only() {
    let scene = Scene::new().await;
    let shutdown = runtime::Shutdown::new();
    let reading = tokio::spawn({
        let (settings, log, shutdown) = (scene.settings.clone(), scene.lines.log.clone(), shutdown.clone());
        async move {
            let next = bus::notifications::StartAt::Next;
            bus::notifications::subscribe(
                &settings,
                "test",
                next,
                &LinkState::default(),
                &log,
                &shutdown,
                |_| async { true },
            )
            .await;
        }
    });
    scene.lines.until("rabbitmq_connected", 1).await;
    assert_eq!(bindings(&scene).await, ["notifications_fanout ----> notifications_queue"]);
    shutdown.begin();
    within("its end", reading).await.unwrap();
}
