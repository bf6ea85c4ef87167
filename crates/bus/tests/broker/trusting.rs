//! Who sent a message: each names its user, and the safety net passes on what is trusted only.

use amqprs::BasicProperties;
use bus::dead_letters::Replay;
use bus::safety_net::{ClearError, clear};
use bus::topology::{DEAD_LETTER_QUEUE, SAFETY_NET_QUEUE};
use bus::{DeadLetterPublisher, EventStream, Outgoing};
use config::Rabbitmq;
use domain::ServiceName;
use testkit::wait::within;

use crate::dead_letters::all;
use crate::replaying;
use crate::scene::{
    Scene, TAKEOUT_QUEUE, message, moment, news, next, outgoing, publisher, request_id, takeout, update,
};

#[tokio::test]
async fn every_message_names_the_user_that_sent_it() {
    let scene = Scene::new().await;
    let publisher = scene.publisher_of_events().await;
    within("the stream", publisher.status_updates_possible()).await;
    scene.strange_queue("answers").await;
    let (updates, events) = (
        scene.broker.tap("notifications_fanout", "").await,
        scene.broker.tap(EventStream::OrderStatusUpdates.name(), "").await,
    );
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    publisher.publish(news(&update())).await.unwrap();
    let stream = EventStream::OrderStatusUpdates;
    publisher.publish(Outgoing::event(stream, "e", &request_id(), moment(), Vec::new())).await.unwrap();
    publisher.publish(Outgoing::reply("answers", None, "r", Vec::new()).unwrap()).await.unwrap();

    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await;
    assert_eq!(held.delivery.user_id(), Some(scene.settings.user.as_str()));
    publisher.publish(Outgoing::dead_letter(&held.delivery, "burnt", moment())).await.unwrap();
    held.ack();
    intake.close().await;
    for queue in [updates.as_str(), &events, "answers", DEAD_LETTER_QUEUE] {
        let message = scene.broker.take(queue).await;
        assert_eq!(message.properties.user_id(), Some(&scene.settings.user), "{queue}");
    }
}

#[tokio::test]
async fn a_copy_is_of_who_made_it() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let shop = scene.stage.broker_as("shop").await;
    let properties = BasicProperties::default().with_user_id("shop").finish();
    shop.publish("", "validated_orders", properties, "{}").await;
    let request = within("a request", intake.next()).await.unwrap();
    assert_eq!(request.delivery().user_id(), Some("shop"));
    assert!(request.identify("made-1").is_none());
    let request = within("its copy", intake.next()).await.unwrap();
    assert_eq!(request.delivery().user_id(), Some(scene.settings.user.as_str()));
    request.ack();
    intake.close().await;
}

#[tokio::test]
async fn who_replays_a_letter_sends_it() {
    let scene = Scene::new().await;
    scene.declared().await;
    scene.letter(replaying::takeout(), "an order").await;
    let mut pass = scene.pass().await;
    let mut letters = all(&mut pass).await;
    pass.end().await.unwrap();
    let mut replay = Replay::new(&scene.settings, "test");
    assert_eq!(within("the outcome", replay.send(&mut letters)).await, [Ok(())]);
    replay.end().await;
    let message = scene.broker.take(TAKEOUT_QUEUE).await;
    assert_eq!(message.properties.user_id(), Some(&scene.settings.user));
}

/// More than one pass holds.
const FORGED: u32 = 1_001;

impl Scene {
    /// As many orders of somebody else at the head of the safety net, and settings that trust only
    /// the own user.
    async fn forged(&self, count: u32) -> (String, Rabbitmq) {
        let stranger = self.stage.broker_as("mallory").await;
        let forged = serde_json::to_string(&message(&takeout("10"))).unwrap();
        for _ in 0..count {
            let properties = BasicProperties::default().with_user_id("mallory").with_priority(10).finish();
            stranger.publish("orders_unrouted", "", properties, &forged).await;
        }
        let user = &self.settings.user;
        let publishers = format!("orders={user},status={user},requests=").parse().unwrap();
        (forged, Rabbitmq { publishers, ..self.settings.clone() })
    }
}

#[tokio::test]
async fn what_a_stranger_put_into_the_safety_net_is_a_dead_letter_and_hides_no_order() {
    let scene = Scene::new().await;
    let dead_letters = DeadLetterPublisher::new(scene.other_publisher(ServiceName::Order).await);
    let ours = scene.strays(1).await;
    let (forged, settings) = scene.forged(FORGED).await;
    scene.until_ready(SAFETY_NET_QUEUE, FORGED + 1).await;
    let mut shown = Vec::new();
    let cleared = clear(&settings, "test", &dead_letters, &scene.lines.log, async |strays| {
        shown.extend(strays.iter().map(|stray| stray.order.clone()));
        Ok::<_, ()>(vec![true; strays.len()])
    });
    cleared.await.unwrap();
    assert_eq!(shown, ours);
    scene.until_ready(DEAD_LETTER_QUEUE, FORGED).await;
    scene.until_messages(&[SAFETY_NET_QUEUE], 0).await;
    let letter = scene.broker.take(DEAD_LETTER_QUEUE).await;
    assert_eq!((letter.body.as_str(), letter.header("x-original-user")), (forged.as_str(), "mallory".into()));
    assert!(letter.header("x-reason").starts_with("untrusted_publisher"), "{letter:?}");
    scene.lines.until("message_untrusted", 1).await;
}

#[tokio::test]
async fn a_strangers_message_that_is_too_large_to_copy_goes_whole_to_the_dead_letters() {
    let scene = Scene::new().await;
    scene.declared().await;
    let (_, settings) = scene.forged(0).await;
    let large = "x".repeat(300_000);
    scene.broker.publish("orders_unrouted", "", BasicProperties::default(), &large).await;
    scene.until_ready(SAFETY_NET_QUEUE, 1).await;
    let dead_letters = scene.no_dead_letters();
    let cleared =
        clear(&settings, "test", &dead_letters, &scene.lines.log, async |_| -> Result<Vec<bool>, ()> {
            panic!("shown")
        });
    cleared.await.unwrap();
    assert!(scene.broker.take(DEAD_LETTER_QUEUE).await.body == large);
}

#[tokio::test]
async fn a_strangers_message_that_cannot_become_a_dead_letter_stays_and_that_is_told() {
    let scene = Scene::new().await;
    let ours = scene.strays(1).await;
    let (_, settings) = scene.forged(2).await;
    scene.until_ready(SAFETY_NET_QUEUE, 3).await;
    let (mut shown, dead_letters) = (Vec::new(), scene.no_dead_letters());
    let cleared = clear(&settings, "test", &dead_letters, &scene.lines.log, async |strays| {
        shown.extend(strays.iter().map(|stray| stray.order.clone()));
        Ok::<_, ()>(vec![true; strays.len()])
    });
    let cleared = within("the end", cleared).await;
    assert!(matches!(cleared, Err(ClearError::DeadLetter(_))), "{cleared:?}");
    assert_eq!(shown, ours, "orders are taken all the same");
    scene.until_ready(SAFETY_NET_QUEUE, 2).await;
}

#[tokio::test]
async fn a_publisher_that_nobody_trusts_says_so_once_for_each_connection() {
    let scene = Scene::new().await;
    let settings = Rabbitmq {
        publishers: "orders=somebody,status=somebody,requests=".parse().unwrap(),
        ..scene.settings.clone()
    };
    let publisher = publisher(&settings, ServiceName::Order, &scene.lines).await;
    publisher.status_updates_possible().await;
    scene.lines.until("publisher_untrusted", 2).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    assert_eq!(scene.lines.of("publisher_untrusted").len(), 2);
}
