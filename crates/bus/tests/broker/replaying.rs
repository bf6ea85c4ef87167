//! `dead_letters::Replay`: back to where they came from, each for itself.

use amqprs::BasicProperties;
use bus::dead_letters::{DeadLetter, OriginalRoute, Replay, ReplayError};
use bus::topology::{DEAD_LETTER_QUEUE, ORDERS_EXCHANGE, REQUESTS_QUEUE};
use testkit::wait::within;

use crate::dead_letters::{all, with_headers};
use crate::scene::{DELIVERY_QUEUE, Scene, TAKEOUT_QUEUE};

/// The headers that the kitchen writes.
fn from(exchange: &str, key: &str) -> BasicProperties {
    with_headers(&[
        ("x-reason", "burnt"),
        ("x-original-exchange", exchange),
        ("x-original-routing-key", key),
        ("x-order-identity", "019acea0-4000-7fff-bfff-ffffffffffff"),
    ])
}

/// The headers of a takeout order.
pub fn takeout() -> BasicProperties {
    from(ORDERS_EXCHANGE, "kitchen.takeout.1")
}

impl Scene {
    /// Publishes dead letters with these properties, numbered in their bodies, and reads them in a
    /// pass.
    async fn read(&self, properties: impl IntoIterator<Item = BasicProperties>) -> Vec<DeadLetter> {
        self.declared().await;
        for (properties, place) in properties.into_iter().zip(0..) {
            self.letter(properties, &format!("{place}")).await;
        }
        let mut pass = self.pass().await;
        let letters = all(&mut pass).await;
        pass.end().await.unwrap();
        letters
    }

    async fn replayed(&self, letters: &mut [DeadLetter]) -> Vec<Result<(), ReplayError>> {
        let mut replay = Replay::new(&self.settings, "test");
        let outcomes = within("the outcomes", replay.send(letters)).await;
        replay.end().await;
        outcomes
    }
}

#[tokio::test]
async fn a_letter_goes_back_as_it_was_before_it_died() {
    let scene = Scene::new().await;
    let mut properties = takeout();
    properties.with_message_id("ORD_20261120_001").with_correlation_id("req-1").with_priority(5);
    properties.with_expiration("600000");
    let mut letters = scene.read([properties]).await;
    assert_eq!(scene.replayed(&mut letters).await, [Ok(())]);
    let message = scene.broker.take_now(TAKEOUT_QUEUE).await.expect("it is there already");
    let there = (message.exchange.as_str(), message.routing_key.as_str(), message.body.as_str());
    assert_eq!(there, (ORDERS_EXCHANGE, "kitchen.takeout.1", "0"));
    let properties = &message.properties;
    assert_eq!(properties.message_id().map(String::as_str), Some("ORD_20261120_001"));
    assert_eq!(properties.correlation_id().map(String::as_str), Some("req-1"));
    assert_eq!((properties.priority(), properties.delivery_mode()), (Some(5), Some(2)));
    assert_eq!(properties.expiration(), None, "it does not vanish");
    assert_eq!(message.header("x-order-identity"), "019acea0-4000-7fff-bfff-ffffffffffff");
    let headers = properties.headers().map(|headers| headers.as_ref().len());
    assert_eq!(headers, Some(1), "the story of its death is no part of it");
}

#[tokio::test]
async fn a_rejected_request_goes_back_to_its_queue_and_its_answer_to_the_asker() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let mut properties = BasicProperties::default();
    properties.with_reply_to("answers").with_correlation_id("4711").with_message_id("m-1");
    scene.request(properties, "unreadable").await;
    let request = within("a request", intake.next()).await.unwrap();
    assert!(request.dead_letter().is_none());
    intake.close().await;
    scene.until_ready(DEAD_LETTER_QUEUE, 1).await;
    let mut pass = scene.pass().await;
    let mut letters = all(&mut pass).await;
    pass.end().await.unwrap();
    let origin = OriginalRoute { exchange: String::new(), routing_key: REQUESTS_QUEUE.to_owned() };
    assert_eq!(letters[0].origin, Some(origin));
    assert_eq!(letters[0].reason.as_deref(), Some("rejected in queue validated_orders"));
    assert_eq!(scene.replayed(&mut letters).await, [Ok(())]);
    let message = scene.broker.take_now(REQUESTS_QUEUE).await.expect("it is there already");
    assert_eq!(message.body, "unreadable");
    let properties = &message.properties;
    assert_eq!(properties.reply_to().map(String::as_str), Some("answers"));
    assert_eq!(properties.correlation_id().map(String::as_str), Some("4711"));
    assert_eq!(properties.message_id().map(String::as_str), Some("m-1"));
    assert_eq!(properties.headers().map_or(0, |headers| headers.as_ref().len()), 0);
}

#[tokio::test]
async fn several_go_back_in_their_order() {
    let scene = Scene::new().await;
    let mut letters = scene.read((0..120).map(|_| takeout())).await;
    assert_eq!(scene.replayed(&mut letters).await, vec![Ok(()); 120]);
    let expected: Vec<_> = (0..120).map(|place| place.to_string()).collect();
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, expected);
}

#[tokio::test]
async fn what_does_not_say_where_it_came_from_stays() {
    let scene = Scene::new().await;
    let mut letters = scene.read([BasicProperties::default(), takeout()]).await;
    assert_eq!(scene.replayed(&mut letters).await, [Err(ReplayError::NoOrigin), Ok(())]);
}

#[tokio::test]
async fn what_no_queue_takes_is_told_and_stops_nobody() {
    let scene = Scene::new().await;
    let mut letters = scene.read([takeout(), from("amq.direct", "nobody"), takeout()]).await;
    let outcomes = scene.replayed(&mut letters).await;
    let Err(ReplayError::Unroutable { origin, reason }) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!((origin.exchange.as_str(), origin.routing_key.as_str()), ("amq.direct", "nobody"));
    assert_eq!(reason, "NO_ROUTE");
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(()), &Ok(())));
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, ["0", "2"]);
}

#[tokio::test]
async fn an_exchange_that_is_not_there_is_told_for_each_and_stops_nobody() {
    let scene = Scene::new().await;
    let mut letters = scene.read([from("gone", ""), takeout(), from("gone", "other"), takeout()]).await;
    let outcomes = scene.replayed(&mut letters).await;
    for place in [0, 2] {
        let Err(ReplayError::ExchangeRefused { exchange, reason }) = &outcomes[place] else {
            panic!("{outcomes:?}");
        };
        assert!(exchange == "gone" && reason.starts_with("404 "), "{exchange} {reason}");
    }
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, ["1", "3"]);
}

#[tokio::test]
async fn what_a_full_queue_rejects_is_told_and_stops_nobody() {
    let scene = Scene::new().await;
    let courier = || from(ORDERS_EXCHANGE, "kitchen.delivery.1");
    let mut letters = scene.read([takeout(), courier(), takeout()]).await;
    scene.full(DELIVERY_QUEUE).await;
    // The policy reaches the queue a moment later.
    let outcomes = testkit::eventually("the queue to be full", async || {
        let outcomes = scene.replayed(&mut letters).await;
        outcomes[1].is_err().then_some(outcomes)
    })
    .await;
    assert_eq!(outcomes, [Ok(()), Err(ReplayError::Rejected), Ok(())]);
}

#[tokio::test]
async fn after_a_lost_connection_nothing_more_is_sent() {
    let scene = Scene::new().await;
    let mut letters = scene.read([takeout(), takeout()]).await;
    let (proxy, settings) = scene.proxy().await;
    let mut replay = Replay::new(&settings, "test");
    assert_eq!(within("an outcome", replay.send(&mut letters[..1])).await, [Ok(())]);
    proxy.cut();
    for _ in 0..2 {
        let outcomes = within("an outcome", replay.send(&mut letters[1..])).await;
        assert!(matches!(outcomes[..], [Err(ReplayError::Lost(_))]), "{outcomes:?}");
        proxy.mend();
    }
    replay.end().await;
    assert_eq!(scene.emptied(TAKEOUT_QUEUE).await, ["0"]);
}
