//! `publisher`: what the broker refuses, and what no queue takes.

use bus::PublishError;
use bus::topology::{NOTIFICATIONS_QUEUE, SAFETY_NET_QUEUE};
use domain::OrderType;
use testkit::eventually;
use testkit::wait::within;

use crate::scene::{DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, message, news, outgoing, takeout, update};

#[tokio::test]
async fn an_order_whose_queue_is_gone_falls_into_the_safety_net() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    scene.broker.delete(TAKEOUT_QUEUE).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    assert_eq!(scene.broker.ready(SAFETY_NET_QUEUE).await, 1);
}

#[tokio::test]
async fn an_order_that_no_queue_takes_comes_back_and_the_queues_are_declared_again() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    for queue in [TAKEOUT_QUEUE, SAFETY_NET_QUEUE] {
        scene.broker.delete(queue).await;
    }
    let answer = publisher.publish(outgoing(&message(&takeout("10")))).await;
    let Err(why) = answer else { panic!("it was confirmed") };
    assert!(matches!(&why, PublishError::Unroutable(reason) if reason == "NO_ROUTE"), "{why:?}");
    assert!(why.is_refusal() && !why.was_in_flight(), "{why:?}");
    scene.lines.said("rabbitmq_connection_failed", "everything that is missing is declared again").await;
    publisher.connected_for_orders().await.unwrap();
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    assert_eq!(scene.broker.ready(TAKEOUT_QUEUE).await, 1);
}

#[tokio::test]
async fn what_was_sent_with_it_is_confirmed_before_the_connection_is_made_anew() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    for queue in [TAKEOUT_QUEUE, SAFETY_NET_QUEUE] {
        scene.broker.delete(queue).await;
    }
    let orders = [at_table(), takeout("10"), at_table()];
    let mut confirms = Vec::new();
    for order in &orders {
        confirms.push(publisher.send(outgoing(&message(order))).await);
    }
    let mut answers = Vec::new();
    for confirm in confirms {
        answers.push(confirm.received().await);
    }
    assert!(matches!(answers[..], [Ok(()), Err(PublishError::Unroutable(_)), Ok(())]), "{answers:?}");
    assert_eq!(scene.broker.ready(DINE_IN_QUEUE).await, 2);
}

#[tokio::test]
async fn what_a_full_queue_rejects_is_rejected_and_the_others_are_not() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    scene.full(TAKEOUT_QUEUE).await;
    // The policy reaches the queue a moment later.
    eventually("the queue to be full", async || {
        let answer = publisher.publish(outgoing(&message(&takeout("10")))).await;
        (answer == Err(PublishError::Rejected)).then_some(())
    })
    .await;
    let mut confirms = Vec::new();
    for order in [at_table(), takeout("10"), at_table()] {
        confirms.push(publisher.send(outgoing(&message(&order))).await);
    }
    let mut answers = Vec::new();
    for confirm in confirms {
        answers.push(confirm.received().await);
    }
    assert_eq!(answers, [Ok(()), Err(PublishError::Rejected), Ok(())]);
    assert!(publisher.can_send_orders(), "it is about that message alone");
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
}

#[tokio::test]
async fn a_queue_that_cannot_be_used_concerns_its_type_alone() {
    let scene = Scene::new().await;
    scene.strange_queue(TAKEOUT_QUEUE).await;
    let publisher = scene.publisher().await;
    let answer = publisher.publish(outgoing(&message(&takeout("10")))).await;
    let Err(PublishError::QueueRefused(why)) = &answer else { panic!("{answer:?}") };
    assert!(why.contains("inequivalent arg") && why.contains("--if-empty"), "{why}");
    assert_eq!(publisher.refusal_of(OrderType::Takeout), answer.err());
    assert_eq!(publisher.refusal_of(OrderType::DineIn), None);
    publisher.publish(outgoing(&message(&at_table()))).await.unwrap();
    assert_eq!(scene.broker.ready(TAKEOUT_QUEUE).await, 0, "nothing is sent there");
    scene.lines.said("rabbitmq_declaration_failed", "Orders of type takeout cannot be sent").await;
}

#[tokio::test]
async fn a_queue_that_can_be_used_after_all_is_used_without_a_new_connection() {
    let scene = Scene::new().await;
    scene.strange_queue(TAKEOUT_QUEUE).await;
    let publisher = scene.publisher().await;
    assert!(publisher.refusal_of(OrderType::Takeout).is_some());
    scene.broker.delete(TAKEOUT_QUEUE).await;
    let possible = async || publisher.refusal_of(OrderType::Takeout).is_none().then_some(());
    eventually("the queue to be declared", possible).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    assert_eq!(scene.broker.ready(TAKEOUT_QUEUE).await, 1);
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
}

#[tokio::test]
async fn news_that_no_queue_takes_is_lost_with_its_connection_and_the_stream_is_declared_again() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    within("the connection for news", publisher.status_updates_possible()).await;
    scene.broker.delete(NOTIFICATIONS_QUEUE).await;
    assert_eq!(publisher.publish(news(&update())).await, Err(PublishError::Lost));
    within("another connection", publisher.status_updates_possible()).await;
    publisher.publish(news(&update())).await.unwrap();
    assert!(publisher.can_send_orders(), "orders have a connection of their own");
}
