//! `publisher`: lost connections.

use bus::topology::NOTIFICATIONS_EXCHANGE;
use bus::{PublishError, Publisher};
use domain::ServiceName;
use testkit::wait::within;
use testkit::{Proxy, eventually};

use crate::scene::{Scene, TAKEOUT_QUEUE, message, news, outgoing, publisher, takeout, update};

/// A publisher behind a proxy that the test can cut.
async fn connected(scene: &Scene) -> (Proxy, Publisher) {
    let (proxy, settings) = scene.proxy().await;
    let publisher = publisher(&settings, ServiceName::Order, &scene.lines).await;
    (proxy, publisher)
}

async fn until_lost(publisher: &Publisher) {
    eventually("the loss to be known", async || (!publisher.can_send_orders()).then_some(())).await;
}

#[tokio::test]
async fn what_is_under_way_when_the_connection_breaks_is_lost_and_may_have_arrived() {
    let scene = Scene::new().await;
    let (proxy, publisher) = connected(&scene).await;
    proxy.silence();
    let confirm = publisher.send(outgoing(&message(&takeout("10")))).await;
    // It arrived, but the publisher does not know.
    scene.until_ready(TAKEOUT_QUEUE, 1).await;
    proxy.cut();
    let why = within("an answer", confirm.received()).await.unwrap_err();
    assert_eq!(why, PublishError::Lost);
    assert!(why.was_in_flight() && why.is_connection_loss() && !why.is_refusal());
}

#[tokio::test]
async fn it_comes_back_by_itself() {
    let scene = Scene::new().await;
    let (proxy, publisher) = connected(&scene).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    proxy.cut();
    until_lost(&publisher).await;
    proxy.mend();
    within("another connection", publisher.orders_possible()).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    assert_eq!(scene.broker.ready(TAKEOUT_QUEUE).await, 2);
}

#[tokio::test]
async fn while_the_broker_is_away_messages_are_refused_at_once() {
    let scene = Scene::new().await;
    let (proxy, publisher) = connected(&scene).await;
    proxy.cut();
    until_lost(&publisher).await;
    // The publisher waits until the next attempt has failed.
    assert_eq!(publisher.connected_for_orders().await, Err(PublishError::NotConnected));
    let answer = publisher.publish(outgoing(&message(&takeout("10")))).await;
    assert_eq!(answer, Err(PublishError::NotConnected));
    assert!(!answer.unwrap_err().was_in_flight());
}

#[tokio::test]
async fn status_updates_end_their_own_connection_and_not_that_of_orders() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    within("both connections", publisher.status_updates_possible()).await;
    scene.lines.until("rabbitmq_connected", 2).await;
    // Publishing to a missing exchange closes the channel.
    scene.broker.delete_exchange(NOTIFICATIONS_EXCHANGE).await;
    assert_eq!(publisher.publish(news(&update())).await, Err(PublishError::Lost));
    assert!(publisher.can_send_orders() && !publisher.can_send_status_updates());
    scene.lines.until("rabbitmq_connected", 3).await;
    let connected = scene.lines.of("rabbitmq_connected");
    assert_eq!(connected[2]["message"], "Connected to RabbitMQ exchange 'notifications_fanout'");
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 1);
}

#[tokio::test]
async fn a_connection_that_worked_is_made_anew_without_a_pause() {
    let scene = Scene::new().await;
    let (proxy, publisher) = connected(&scene).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    // It leads to the same broker, and drops existing connections.
    proxy.lead_to(scene.settings.port);
    scene.lines.said("rabbitmq_connection_failed", r#""retry_in_ms":0"#).await;
    publisher.connected_for_orders().await.unwrap();
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
}
