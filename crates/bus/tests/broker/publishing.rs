//! `publisher`: what is confirmed is in the queues.

use amqprs::BasicProperties;
use bus::topology::{DEAD_LETTER_QUEUE, NOTIFICATIONS_EXCHANGE, ORDERS_EXCHANGE, SAFETY_NET_QUEUE};
use bus::{Outgoing, PublishError, Publisher};
use domain::{OrderStatus, ServiceName, StatusUpdate};
use testkit::wait::within;
use tokio::task::JoinSet;

use crate::scene::{
    DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, message, moment, news, next, outgoing, takeout, update,
};

#[tokio::test]
async fn a_confirmed_order_is_in_the_queue_of_its_type_as_it_was_sent() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    let order = message(&takeout("60"));
    publisher.publish(outgoing(&order)).await.unwrap();
    let taken = scene.broker.take_now(TAKEOUT_QUEUE).await.expect("it is there already");
    assert_eq!((taken.exchange.as_str(), taken.routing_key.as_str()), ("orders_topic", "kitchen.takeout.5"));
    assert_eq!(taken.body, serde_json::to_string(&order).unwrap());
    assert_eq!(taken.header("x-order-identity"), "019acea0-4000-7fff-bfff-ffffffffffff");
    let number = order.order_number.to_string();
    let properties = &taken.properties;
    assert_eq!(properties.message_id().map(String::as_str), Some(number.as_str()));
    assert_eq!(properties.correlation_id().map(String::as_str), Some("req-1"));
    assert_eq!((properties.priority(), properties.delivery_mode()), (Some(5), Some(2)));
    assert_eq!(properties.timestamp(), u64::try_from(moment().0.unix_timestamp()).ok());
    assert_eq!(properties.content_type().map(String::as_str), Some("application/json"));
    for queue in [DINE_IN_QUEUE, SAFETY_NET_QUEUE] {
        assert_eq!(scene.broker.ready(queue).await, 0, "{queue}");
    }
}

#[tokio::test]
async fn news_goes_to_every_queue_that_listens() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    within("the other connection", publisher.status_updates_possible()).await;
    assert!(publisher.can_send_status_updates());
    let taps = [
        scene.broker.tap(NOTIFICATIONS_EXCHANGE, "").await,
        scene.broker.tap(NOTIFICATIONS_EXCHANGE, "").await,
    ];
    let update = update();
    publisher.publish(news(&update)).await.unwrap();
    for tap in taps {
        let taken = scene.broker.take_now(&tap).await.expect("it is there already");
        assert_eq!(taken.body, serde_json::to_string(&update).unwrap());
        assert_eq!(taken.properties.message_id(), Some(&update.message_id()));
    }
}

#[tokio::test]
async fn the_application_id_is_the_service_that_publishes() {
    let scene = Scene::new().await;
    for (service, name) in [(ServiceName::Order, "order-service"), (ServiceName::Kitchen, "kitchen-worker")] {
        let (publisher, _) = Publisher::start(&scene.settings, service, name, &[], &scene.lines.log);
        within("the other connection", publisher.status_updates_possible()).await;
        let tap = scene.broker.tap(NOTIFICATIONS_EXCHANGE, "").await;
        for status in [OrderStatus::Cooking, OrderStatus::Ready, OrderStatus::Cancelled] {
            publisher.publish(news(&StatusUpdate { new_status: status, ..update() })).await.unwrap();
            let taken = scene.broker.take_now(&tap).await.expect("it is there already");
            assert_eq!(taken.properties.app_id().map(String::as_str), Some(name), "{status}");
        }
    }
    scene.sent(&[takeout("10")]).await;
    let taken = scene.broker.take_now(TAKEOUT_QUEUE).await.expect("it is there already");
    assert_eq!(taken.properties.app_id().map(String::as_str), Some("test"));
}

#[tokio::test]
async fn a_copy_keeps_the_application_id_of_its_original() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    for (original, expected) in [(Some("till"), Some("till")), (None, None)] {
        let mut properties = BasicProperties::default();
        if let Some(app_id) = original {
            properties.with_app_id(app_id);
        }
        scene.broker.publish(ORDERS_EXCHANGE, "kitchen.takeout.1", properties, "no order").await;
        let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
        let held = next(&mut intake).await;
        publisher.publish(Outgoing::dead_letter(&held.delivery, "no order", moment())).await.unwrap();
        held.ack();
        intake.close().await;
        let letter = scene.broker.take_now(DEAD_LETTER_QUEUE).await.expect("it is there already");
        assert_eq!(letter.properties.app_id().map(String::as_str), expected);
    }
}

#[tokio::test]
async fn messages_keep_the_order_in_which_they_were_sent() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    let orders: Vec<_> = (0..200).map(|_| message(&takeout("10"))).collect();
    let mut confirms = Vec::new();
    for order in &orders {
        confirms.push(publisher.send(outgoing(order)).await);
    }
    for confirm in confirms {
        confirm.received().await.unwrap();
    }
    let bodies: Vec<_> = orders.iter().map(|order| serde_json::to_string(order).unwrap()).collect();
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, bodies);
}

#[tokio::test]
async fn many_at_once_are_all_confirmed_and_all_there() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    let mut publishing = JoinSet::new();
    for place in 0..100 {
        let publisher = publisher.clone();
        let order = if place % 2 == 0 { takeout("10") } else { at_table() };
        publishing.spawn(async move { publisher.publish(outgoing(&message(&order))).await });
    }
    assert_eq!(publishing.join_all().await, vec![Ok(()); 100]);
    assert_eq!((scene.broker.ready(TAKEOUT_QUEUE).await, scene.broker.ready(DINE_IN_QUEUE).await), (50, 50));
}

#[tokio::test]
async fn a_connection_that_is_being_made_is_waited_for() {
    let scene = Scene::new().await;
    let (publisher, _) = Publisher::start(&scene.settings, ServiceName::Order, "test", &[], &scene.lines.log);
    assert!(!publisher.can_send_orders());
    publisher.connected_for_orders().await.unwrap();
    assert!(publisher.can_send_orders());
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
}

#[tokio::test]
async fn what_is_sent_before_there_is_a_connection_is_refused_at_once() {
    let scene = Scene::new().await;
    let (proxy, settings) = scene.proxy().await;
    proxy.silence();
    let (publisher, _) = Publisher::start(&settings, ServiceName::Order, "test", &[], &scene.lines.log);
    let answer = publisher.publish(outgoing(&message(&takeout("10")))).await;
    assert_eq!(answer, Err(PublishError::NotConnected));
}

#[tokio::test]
async fn its_connections_end_with_the_last_handle() {
    let scene = Scene::new().await;
    let (publisher, tasks) =
        Publisher::start(&scene.settings, ServiceName::Order, "test", &[], &scene.lines.log);
    within("both connections", publisher.status_updates_possible()).await;
    let other = publisher.clone();
    drop(publisher);
    other.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    drop(other);
    within("the end of its tasks", tasks).await.unwrap();
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
}
