//! `orders`: which orders a worker receives, how many, and how they are settled.

use bus::orders::OrderIntake;
use bus::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, ORDERS_EXCHANGE};
use futures_util::FutureExt as _;
use testkit::wait::within;

use crate::scene::{
    DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, identity, next, order_of, request_id, takeout,
};

#[tokio::test]
async fn an_order_comes_with_all_that_was_sent() {
    let scene = Scene::new().await;
    let sent = scene.sent(&[takeout("60")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await;
    let delivery = &held.delivery;
    assert_eq!(order_of(&held), sent[0]);
    assert_eq!(
        (delivery.exchange.as_str(), delivery.routing_key.as_str()),
        (ORDERS_EXCHANGE, "kitchen.takeout.5")
    );
    assert_eq!(delivery.request_id(), Some(request_id()));
    assert_eq!(delivery.order_identity(), Ok(Some(identity())));
    assert_eq!(delivery.message_id(), Some(sent[0].order_number.to_string().as_str()));
    assert_eq!((delivery.redelivered, delivery.withheld), (false, None));
}

#[tokio::test]
async fn what_is_done_with_is_gone() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10"), takeout("10")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 2).await;
    next(&mut intake).await.ack();
    let unsettled = next(&mut intake).await;
    // Settlements made before `close` are sent. RabbitMQ requeues the rest.
    intake.close().await;
    drop(unsettled);
    scene.until_ready(TAKEOUT_QUEUE, 1).await;
    scene.until_messages(&[TAKEOUT_QUEUE], 1).await;
}

#[tokio::test]
async fn an_acknowledgement_out_of_turn_is_for_one_order_alone() {
    let scene = Scene::new().await;
    let sent = scene.sent(&[takeout("10"), takeout("10"), takeout("10")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 3).await;
    let (first, second) = (next(&mut intake).await, next(&mut intake).await);
    let third = next(&mut intake).await;
    second.ack();
    scene.until_messages(&[TAKEOUT_QUEUE], 2).await;
    third.ack();
    intake.close().await;
    drop(first);
    // The delivery with the lower tag was not acknowledged, so it is requeued.
    scene.until_ready(TAKEOUT_QUEUE, 1).await;
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, [serde_json::to_string(&sent[0]).unwrap()]);
}

#[tokio::test]
async fn what_is_put_back_comes_again_and_says_so() {
    let scene = Scene::new().await;
    let sent = scene.sent(&[takeout("10")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    next(&mut intake).await.requeue();
    let again = next(&mut intake).await;
    assert!(again.delivery.redelivered);
    assert_eq!(order_of(&again), sent[0]);
}

#[tokio::test]
async fn what_is_buried_is_among_the_dead_letters() {
    let scene = Scene::new().await;
    let sent = scene.sent(&[takeout("10")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    assert!(next(&mut intake).await.dead_letter().is_none());
    let letter = scene.broker.take(DEAD_LETTER_QUEUE).await;
    assert_eq!(letter.body, serde_json::to_string(&sent[0]).unwrap());
    assert_eq!(letter.exchange, DEAD_LETTER_EXCHANGE);
    scene.until_messages(&[TAKEOUT_QUEUE], 0).await;
}

#[tokio::test]
async fn where_dead_letters_have_no_place_nothing_is_buried() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10")]).await;
    scene.broker.delete_exchange(DEAD_LETTER_EXCHANGE).await;
    scene.strange_exchange(DEAD_LETTER_EXCHANGE, "topic").await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await.dead_letter().expect("it comes back");
    held.requeue();
    assert!(next(&mut intake).await.delivery.redelivered, "it is still the worker's to settle");
}

#[tokio::test]
async fn a_worker_holds_no_more_than_it_has_places_for_over_all_queues() {
    let scene = Scene::new().await;
    let orders = [takeout("10"), at_table(), takeout("10"), at_table(), takeout("10")];
    scene.sent(&orders).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE, DINE_IN_QUEUE], 2).await;
    let (one, other) = (next(&mut intake).await, next(&mut intake).await);
    let waiting = async || scene.broker.ready(TAKEOUT_QUEUE).await + scene.broker.ready(DINE_IN_QUEUE).await;
    testkit::eventually("the others to be anybody's", async || (waiting().await == 3).then_some(())).await;
    assert!(intake.next().now_or_never().is_none(), "a third order");
    one.ack();
    let third = next(&mut intake).await;
    scene.until_messages(&[TAKEOUT_QUEUE, DINE_IN_QUEUE], 4).await;
    drop((other, third));
}

#[tokio::test]
async fn with_many_places_it_is_the_same() {
    let scene = Scene::new().await;
    scene.sent(&vec![takeout("10"); 12]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 8).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(next(&mut intake).await);
    }
    scene.until_ready(TAKEOUT_QUEUE, 4).await;
    assert!(intake.next().now_or_never().is_none(), "a ninth order");
    for _ in 0..4 {
        held.remove(0).ack();
        held.push(next(&mut intake).await);
    }
    scene.until_messages(&[TAKEOUT_QUEUE], 8).await;
}

#[tokio::test]
async fn whoever_stops_gets_nothing_more_and_settles_what_is_held() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10"), takeout("10")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await;
    intake.stop();
    held.ack();
    intake.close().await;
    scene.until_ready(TAKEOUT_QUEUE, 1).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_withheld_and_can_be_settled() {
    let scene = Scene::new().await;
    scene.declared().await;
    let large = "x".repeat(bus::delivery::MAX_BODY + 1);
    let publish = scene.broker.publish(
        ORDERS_EXCHANGE,
        "kitchen.takeout.1",
        amqprs::BasicProperties::default(),
        &large,
    );
    publish.await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await;
    assert_eq!(held.delivery.withheld, Some(large.len() as u64));
    assert!(held.delivery.body.is_empty());
    assert!(held.dead_letter().is_none());
    assert_eq!(scene.broker.take(DEAD_LETTER_QUEUE).await.body.len(), large.len());
}

#[tokio::test]
async fn what_was_held_when_the_connection_broke_comes_again_and_a_late_word_on_it_harms_nobody() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10"), takeout("10")]).await;
    let (proxy, settings) = scene.proxy().await;
    let mut intake = OrderIntake::start(settings, "test", vec![TAKEOUT_QUEUE], 1, scene.lines.log.clone());
    let held = next(&mut intake).await;
    let first = order_of(&held);
    proxy.cut();
    scene.lines.until("rabbitmq_connection_failed", 1).await;
    proxy.mend();
    // Its session has ended: RabbitMQ has requeued it.
    held.ack();
    let again = next(&mut intake).await;
    assert!(again.delivery.redelivered);
    assert_eq!(order_of(&again), first);
    assert_eq!(scene.broker.messages(&[TAKEOUT_QUEUE]).await, 2);
}

#[tokio::test]
async fn a_queue_that_is_deleted_is_declared_and_consumed_again() {
    let scene = Scene::new().await;
    scene.declared().await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE, DINE_IN_QUEUE], 2).await;
    let before = scene.lines.of("rabbitmq_connected").len();
    // As soon as it is consumed.
    testkit::eventually("a consumer", async || {
        (scene.broker.consumers(TAKEOUT_QUEUE).await == 1).then_some(())
    })
    .await;
    scene.broker.delete(TAKEOUT_QUEUE).await;
    scene.lines.until("rabbitmq_connected", before + 1).await;
    let sent = scene.sent(&[takeout("10")]).await;
    assert_eq!(order_of(&next(&mut intake).await), sent[0]);
}

#[tokio::test]
async fn a_queue_that_cannot_be_used_is_named_and_the_others_are_consumed() {
    let scene = Scene::new().await;
    scene.strange_queue(TAKEOUT_QUEUE).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE, DINE_IN_QUEUE], 2).await;
    scene
        .lines
        .said("rabbitmq_declaration_failed", "No orders can be taken from 'kitchen_takeout_queue'")
        .await;
    let sent = scene.sent(&[at_table()]).await;
    assert_eq!(order_of(&next(&mut intake).await), sent[0]);
}

#[tokio::test]
async fn whoever_has_only_queues_that_cannot_be_used_is_told_why() {
    let scene = Scene::new().await;
    scene.strange_queue(TAKEOUT_QUEUE).await;
    let log = scene.lines.log.clone();
    let intake = OrderIntake::start(scene.settings.clone(), "test", vec![TAKEOUT_QUEUE], 1, log);
    scene.lines.said("rabbitmq_connection_failed", "inequivalent arg").await;
    within("its end", intake.close()).await;
}
