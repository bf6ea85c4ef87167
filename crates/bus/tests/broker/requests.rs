//! `requests`: which requests an order service receives, and how they are settled.

use std::time::Duration;

use amqprs::{BasicProperties, FieldArray, FieldValue};
use bus::requests::{LeasedRequest, RequestIntake};
use bus::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, REQUESTS_QUEUE};
use serde_json::json;
use testkit::eventually;
use testkit::wait::within;
use tokio::time::sleep;

use crate::dead_letters::with_headers;
use crate::declaring::bindings;
use crate::scene::Scene;

async fn next(intake: &mut RequestIntake) -> LeasedRequest {
    within("a request", intake.next()).await.expect("it goes on")
}

async fn taken(intake: &mut RequestIntake, count: usize) -> Vec<LeasedRequest> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(next(intake).await);
    }
    taken
}

fn bodies(requests: &[LeasedRequest]) -> Vec<String> {
    let text = |request: &LeasedRequest| String::from_utf8(request.delivery().body.clone()).unwrap();
    requests.iter().map(text).collect()
}

impl Scene {
    /// Publishes requests without properties, and returns their bodies.
    async fn numbered(&self, count: usize) -> Vec<String> {
        let bodies: Vec<_> = (0..count).map(|number| format!("request {number}")).collect();
        for body in &bodies {
            self.request(BasicProperties::default(), body).await;
        }
        bodies
    }
}

#[tokio::test]
async fn only_their_queue_and_its_dead_letters_are_declared() {
    let scene = Scene::new().await;
    let intake = scene.requests(&scene.settings, 8).await;
    let found = scene.broker.queue(REQUESTS_QUEUE).await;
    assert_eq!(
        (&found["durable"], &found["arguments"]),
        (
            &json!(true),
            &json!({
                "x-queue-type": "classic", "x-dead-letter-exchange": "orders_dlx", "x-overflow": "drop-head",
            })
        )
    );
    assert_eq!(bindings(&scene).await, ["orders_dlx ----> kitchen_dlq"]);
    let queues = bus::inspection::queues(&scene.settings, "test", true).await.unwrap();
    let there = queues.0.iter().filter(|queue| queue.found.depth().is_some()).map(|queue| queue.name);
    assert_eq!(there.collect::<Vec<_>>(), [DEAD_LETTER_QUEUE, REQUESTS_QUEUE]);
    assert!(intake.link().is_up());
    intake.close().await;
}

#[tokio::test]
async fn a_request_comes_with_all_that_was_sent() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let mut properties = BasicProperties::default();
    properties.with_reply_to("answers").with_correlation_id("4711 / a").with_message_id("m-1");
    scene.request(properties, "a request").await;
    let request = next(&mut intake).await;
    let delivery = request.delivery();
    assert_eq!((delivery.exchange.as_str(), delivery.routing_key.as_str()), ("", REQUESTS_QUEUE));
    assert_eq!((delivery.reply_to(), delivery.correlation_id()), (Some("answers"), Some("4711 / a")));
    assert_eq!((delivery.message_id(), delivery.body.as_slice()), (Some("m-1"), b"a request".as_slice()));
    scene.request(BasicProperties::default(), "another").await;
    request.ack();
    let request = next(&mut intake).await;
    let delivery = request.delivery();
    assert_eq!((delivery.reply_to(), delivery.correlation_id(), delivery.message_id()), (None, None, None));
}

/// Priorities and timestamps are the guests' to choose.
#[tokio::test]
async fn they_come_in_the_order_of_the_queue() {
    let scene = Scene::new().await;
    scene.requests(&scene.settings, 1).await.close().await;
    for number in 0_u8..30 {
        let mut properties = BasicProperties::default();
        properties.with_priority(number % 7).with_timestamp(u64::from(30 - number));
        scene.request(properties, &number.to_string()).await;
    }
    let mut intake = scene.requests(&scene.settings, 30).await;
    let expected: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(bodies(&taken(&mut intake, 30).await), expected);
}

#[tokio::test]
async fn whatever_is_settled_together_is_settled_for_good() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 30).await;
    scene.numbered(30).await;
    let mut held = taken(&mut intake, 30).await;
    let open = held.split_off(20);
    // The last first, so that none of them can be acknowledged together with those below.
    held.into_iter().rev().for_each(LeasedRequest::ack);
    scene.until_messages(&[REQUESTS_QUEUE], 10).await;
    let mut open = open.into_iter();
    assert!(open.next().unwrap().dead_letter().is_none());
    open.next().unwrap().requeue();
    let again = next(&mut intake).await;
    assert!(again.delivery().redelivered);
    assert_eq!(again.delivery().body, b"request 21");
    assert_eq!(scene.broker.take(DEAD_LETTER_QUEUE).await.body, "request 20");
    scene.until_messages(&[REQUESTS_QUEUE], 9).await;
    again.ack();
    // What was settled before `close` is sent. RabbitMQ requeues the rest.
    intake.close().await;
    drop(open);
    let expected: Vec<_> = (22..30).map(|number| format!("request {number}")).collect();
    scene.until_ready(REQUESTS_QUEUE, 8).await;
    assert_eq!(scene.emptied(REQUESTS_QUEUE).await, expected);
}

#[tokio::test]
async fn a_copy_with_an_id_takes_the_place_of_a_request_without_one() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let mut properties = with_headers(&[("traceparent", "00-1-2-03")]);
    let mut headers = properties.headers().unwrap().clone();
    let list = FieldArray::try_from(vec![FieldValue::from("elsewhere".to_owned())]).unwrap();
    let elsewhere = scene.broker.tap("amq.fanout", "").await;
    headers.insert(
        "CC".try_into().unwrap(),
        FieldValue::A(vec![FieldValue::from(elsewhere.clone())].try_into().unwrap()),
    );
    headers.insert("list".try_into().unwrap(), FieldValue::A(list));
    headers.insert("attempt".try_into().unwrap(), FieldValue::I(7));
    properties.with_headers(headers);
    properties.with_reply_to("answers").with_correlation_id("4711").with_content_type("text/plain");
    properties.with_app_id("till").with_timestamp(1_700_000_000).with_expiration("600000");
    properties.with_message_type("order");
    scene.request(properties, "first").await;
    scene.request(BasicProperties::default(), "second").await;
    assert!(next(&mut intake).await.identify("made-1").is_none());
    let second = next(&mut intake).await;
    assert_eq!(second.delivery().body, b"second", "the copy is behind it");
    second.ack();
    let copy = next(&mut intake).await;
    assert!(!copy.delivery().redelivered);
    copy.requeue();
    intake.close().await;
    let copy = scene.broker.take(REQUESTS_QUEUE).await;
    assert_eq!(
        (copy.exchange.as_str(), copy.routing_key.as_str(), copy.body.as_str()),
        ("", REQUESTS_QUEUE, "first")
    );
    let kept = &copy.properties;
    let texts = [
        (kept.message_id(), "made-1"),
        (kept.reply_to(), "answers"),
        (kept.correlation_id(), "4711"),
        (kept.content_type(), "text/plain"),
        (kept.app_id(), "till"),
        (kept.expiration(), "600000"),
        (kept.message_type(), "order"),
    ];
    for (found, expected) in texts {
        assert_eq!(found.map(String::as_str), Some(expected));
    }
    assert_eq!((kept.timestamp(), kept.delivery_mode()), (Some(1_700_000_000), Some(2)));
    assert_eq!((copy.header("traceparent").as_str(), copy.header("attempt").as_str()), ("00-1-2-03", "7"));
    assert_eq!(kept.headers().unwrap().as_ref().len(), 2, "lists are left out");
    assert_eq!(scene.emptied(&elsewhere).await.len(), 1, "the copy goes nowhere else");
    assert_eq!(scene.broker.messages(&[REQUESTS_QUEUE]).await, 0);
}

/// The connection breaks while the copies are on their way, and once more, and once more.
#[tokio::test]
async fn however_the_connection_breaks_either_the_request_or_its_copy_is_there() {
    const COUNT: usize = 20;
    let scene = Scene::new().await;
    let (proxy, settings) = scene.proxy().await;
    let mut intake = scene.requests(&settings, 32).await;
    let mut expected = scene.numbered(COUNT).await;
    for (round, milliseconds) in [200, 500, 800].into_iter().enumerate() {
        let held = taken(&mut intake, COUNT).await;
        // The copies alone have more than 1,600 bytes.
        proxy.throttle(1_000);
        for (place, request) in held.into_iter().enumerate() {
            assert!(request.identify(&format!("made-{round}-{place}")).is_none());
        }
        sleep(Duration::from_millis(milliseconds)).await;
        proxy.cut();
        scene.lines.until("rabbitmq_connection_failed", round + 1).await;
        scene.until_ready(REQUESTS_QUEUE, 20).await;
        proxy.mend();
    }
    let held = taken(&mut intake, COUNT).await;
    assert!(held.iter().all(|request| request.delivery().message_id().is_none()), "nothing was committed");
    for (place, request) in held.into_iter().enumerate() {
        assert!(request.identify(&place.to_string()).is_none());
    }
    let held = taken(&mut intake, COUNT).await;
    assert!(held.iter().all(|request| request.delivery().message_id().is_some()));
    let mut found = bodies(&held);
    assert_eq!(scene.broker.messages(&[REQUESTS_QUEUE]).await, 20);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// A policy alone would have the queue reject the copy, and the original would be gone.
#[tokio::test]
async fn a_copy_that_a_full_queue_does_not_take_is_among_the_dead_letters() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 8).await;
    scene.numbered(1).await;
    let held = next(&mut intake).await;
    scene.full(REQUESTS_QUEUE).await;
    // The policy reaches the queue a moment later.
    eventually("the queue to be full", async || {
        scene.request(BasicProperties::default(), "another").await;
        (scene.broker.ready(DEAD_LETTER_QUEUE).await > 0).then_some(())
    })
    .await;
    intake.stop();
    scene.broker.purge(DEAD_LETTER_QUEUE).await;
    assert!(held.identify("made-1").is_none());
    let letter = scene.broker.take(DEAD_LETTER_QUEUE).await;
    let id = letter.properties.message_id().map(String::as_str);
    assert_eq!((letter.body.as_str(), id), ("request 0", Some("made-1")));
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
    intake.close().await;
}

#[tokio::test]
async fn what_was_held_when_the_connection_broke_comes_again() {
    let scene = Scene::new().await;
    let (proxy, settings) = scene.proxy().await;
    let mut intake = scene.requests(&settings, 8).await;
    scene.numbered(1).await;
    let held = next(&mut intake).await;
    proxy.cut();
    scene.lines.until("rabbitmq_connection_failed", 1).await;
    assert!(!intake.link().is_up());
    proxy.mend();
    // Its session has ended: RabbitMQ has requeued it.
    held.ack();
    let again = next(&mut intake).await;
    assert!(again.delivery().redelivered);
    again.ack();
    scene.until_messages(&[REQUESTS_QUEUE], 0).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_withheld_and_no_copy_is_made_of_it() {
    let scene = Scene::new().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let large = "x".repeat(bus::delivery::MAX_BODY + 1);
    scene.request(BasicProperties::default(), &large).await;
    let request = next(&mut intake).await;
    assert_eq!(request.delivery().withheld, Some(large.len() as u64));
    let request = request.identify("made-1").expect("it comes back");
    assert!(request.dead_letter().is_none());
    assert_eq!(scene.broker.take(DEAD_LETTER_QUEUE).await.body.len(), large.len());
}

#[tokio::test]
async fn where_dead_letters_have_no_place_nothing_is_buried() {
    let scene = Scene::new().await;
    scene.strange_exchange(DEAD_LETTER_EXCHANGE, "topic").await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    scene.numbered(1).await;
    next(&mut intake).await.dead_letter().expect("it comes back").ack();
    scene.until_messages(&[REQUESTS_QUEUE], 0).await;
}

#[tokio::test]
async fn a_queue_with_other_settings_is_told_with_what_to_do_and_consumed_once_it_is_gone() {
    let scene = Scene::new().await;
    scene.strange_queue(REQUESTS_QUEUE).await;
    let log = scene.lines.log.clone();
    let mut intake = RequestIntake::start(scene.settings.clone(), "test", 1, log);
    scene.lines.said("rabbitmq_connection_failed", "inequivalent arg").await;
    scene.lines.said("rabbitmq_connection_failed", "orders that nobody has taken").await;
    scene.broker.delete(REQUESTS_QUEUE).await;
    scene.lines.until("rabbitmq_connected", 1).await;
    scene.numbered(1).await;
    next(&mut intake).await.ack();
    within("its end", intake.close()).await;
}
