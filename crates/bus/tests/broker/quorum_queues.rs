//! `rabbitmq.queue_type: quorum`: orders and dead letters on several nodes. What holds for classic
//! queues must hold for them. (How they survive the loss of a node is a scenario of the fault
//! suite.)

use bus::SessionError;
use bus::inspection::declare_kitchen;
use bus::topology::{DEAD_LETTER_QUEUE, ORDERS_EXCHANGE, SAFETY_NET_QUEUE};
use config::QueueType;
use serde_json::json;

use crate::dead_letters::all;
use crate::scene::{DELIVERY_QUEUE, DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, next, order_of, takeout};

/// More often than RabbitMQ 4 gives a message back by default.
const RETURNS: usize = 25;

async fn scene_of(queue_type: QueueType) -> Scene {
    let mut scene = Scene::new().await;
    scene.settings.queue_type = queue_type;
    scene
}

#[tokio::test]
async fn orders_and_dead_letters_have_a_limit_that_nothing_reaches() {
    let scene = scene_of(QueueType::Quorum).await;
    scene.declared().await;
    let orders = json!({
        "x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000, "x-dead-letter-exchange": "orders_dlx",
        "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
    });
    for queue in [TAKEOUT_QUEUE, DELIVERY_QUEUE, DINE_IN_QUEUE, SAFETY_NET_QUEUE] {
        assert_eq!(scene.broker.queue(queue).await["arguments"], orders, "{queue}");
    }
    let letters = json!({"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000});
    assert_eq!(scene.broker.queue(DEAD_LETTER_QUEUE).await["arguments"], letters);
    // Whoever comes second finds them as they should be.
    scene.declared().await;
}

#[tokio::test]
async fn an_order_that_is_given_back_again_and_again_stays() {
    let scene = scene_of(QueueType::Quorum).await;
    let sent = scene.sent(&[takeout("60")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    for _ in 0..RETURNS {
        next(&mut intake).await.requeue();
    }
    let held = next(&mut intake).await;
    assert_eq!(order_of(&held), sent[0]);
    held.ack();
    scene.until_messages(&[TAKEOUT_QUEUE, DEAD_LETTER_QUEUE], 0).await;
}

#[tokio::test]
async fn an_order_that_is_rejected_is_among_the_dead_letters() {
    let scene = scene_of(QueueType::Quorum).await;
    let sent = scene.sent(&[takeout("60")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    assert!(next(&mut intake).await.dead_letter().is_none());
    scene.until_ready(DEAD_LETTER_QUEUE, 1).await;
    let [letter] = all(&mut scene.pass().await).await.try_into().unwrap();
    assert_eq!(letter.origin.unwrap().exchange, ORDERS_EXCHANGE);
    assert_eq!(letter.body, serde_json::to_vec(&sent[0]).unwrap());
}

/// A look reads them in windows of a hundred.
#[tokio::test]
async fn every_dead_letter_is_seen_however_often_somebody_looks() {
    let bodies: Vec<String> = (0..250).map(|number| format!("{number:03}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let mut scene = scene_of(queue_type).await;
        scene.letters(&bodies).await;
        // Whoever looks may not know the type.
        for looks_for in [QueueType::Quorum, QueueType::Classic] {
            scene.settings.queue_type = looks_for;
            for _ in 0..3 {
                let mut pass = scene.pass().await;
                let mut seen: Vec<_> = all(&mut pass)
                    .await
                    .iter()
                    .map(|letter| String::from_utf8(letter.body.clone()).unwrap())
                    .collect();
                seen.sort_unstable();
                assert_eq!(seen, bodies, "{queue_type} queue, looked at as {looks_for}");
                assert_eq!(pass.end().await.unwrap(), 250);
            }
        }
    }
}

#[tokio::test]
async fn dead_letters_outlast_more_looks_than_a_queue_allows_by_default() {
    let scene = scene_of(QueueType::Quorum).await;
    scene.letters(&["one", "two", "three"]).await;
    for _ in 0..RETURNS {
        let mut pass = scene.pass().await;
        assert_eq!(all(&mut pass).await.len(), 3);
        assert_eq!(pass.end().await.unwrap(), 3);
    }
    let mut left = scene.emptied(DEAD_LETTER_QUEUE).await;
    left.sort_unstable();
    assert_eq!(left, ["one", "three", "two"]);
}

#[tokio::test]
async fn queues_of_the_other_type_are_refused_with_a_way_out_and_kept() {
    let kinds = [QueueType::Classic, QueueType::Quorum];
    for (there, wanted) in [(kinds[0], kinds[1]), (kinds[1], kinds[0])] {
        let mut scene = scene_of(there).await;
        scene.sent(&[takeout("60")]).await;
        scene.settings.queue_type = wanted;
        let why = declare_kitchen(&scene.settings, "test").await.unwrap_err();
        let SessionError::AllRefused(said) = &why else { panic!("{there} to {wanted}: {why:?}") };
        for part in ["inequivalent arg", "rabbitmq.queue_type", "From classic to quorum queues"] {
            assert!(said.contains(part), "{there} to {wanted}: no '{part}' in {said}");
        }
        scene.settings.queue_type = there;
        scene.declared().await;
        scene.until_ready(TAKEOUT_QUEUE, 1).await;
    }
}
