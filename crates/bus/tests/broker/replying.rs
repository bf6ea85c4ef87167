//! `publisher`: replies, to queues that may be there or not.

use amqprs::BasicProperties;
use amqprs::channel::{BasicConsumeArguments, BasicPublishArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use bus::topology::REQUESTS_QUEUE;
use bus::{Outgoing, PublishError, Publisher};
use secrecy::ExposeSecret as _;
use testkit::wait::within;

use crate::scene::{Scene, TAKEOUT_QUEUE, at_table, message, outgoing, takeout};

const BODY: &str = r#"{"status":"CONFIRMED"}"#;

fn reply(to: &str, message_id: &str) -> Outgoing {
    Outgoing::reply(to, Some("4711 / a"), message_id, BODY.as_bytes().to_vec()).unwrap()
}

fn is_unroutable(answer: &Result<(), PublishError>) -> bool {
    matches!(answer, Err(PublishError::Unroutable(reason)) if reason == "NO_ROUTE")
}

async fn answers(publisher: &Publisher, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
    let mut confirms = Vec::new();
    for message in messages {
        confirms.push(publisher.send(message).await);
    }
    let mut answers = Vec::new();
    for confirm in confirms {
        answers.push(confirm.received().await);
    }
    answers
}

#[tokio::test]
async fn a_reply_is_in_the_queue_of_the_asker() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    scene.broker.declare("answers", amqprs::FieldTable::new()).await;
    publisher.publish(reply("answers", "r-1")).await.unwrap();
    let taken = scene.broker.take_now("answers").await.expect("it is there already");
    assert_eq!((taken.exchange.as_str(), taken.body.as_str()), ("", BODY));
    let properties = &taken.properties;
    for (found, expected) in [
        (properties.message_id(), "r-1"),
        (properties.correlation_id(), "4711 / a"),
        (properties.content_type(), "application/json"),
        (properties.app_id(), "test"),
    ] {
        assert_eq!(found.map(String::as_str), Some(expected));
    }
    assert_eq!((properties.delivery_mode(), properties.reply_to()), (Some(2), None));
    let without = Outgoing::reply("answers", None, "r-2", Vec::new()).unwrap();
    publisher.publish(without).await.unwrap();
    assert_eq!(scene.broker.take("answers").await.properties.correlation_id(), None);
}

#[tokio::test]
async fn a_reply_that_nobody_waits_for_is_told_and_harms_no_order() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    scene.broker.declare("answers", amqprs::FieldTable::new()).await;
    let order = |order| outgoing(&message(&order));
    for _ in 0..3 {
        let sent = vec![
            order(takeout("10")),
            reply("nobody", "same"),
            reply("answers", "same"),
            order(at_table()),
            reply("nobody", "other"),
            // Only the exact form is a direct reply.
            reply("amq.rabbitmq.reply-tomorrow", "other"),
        ];
        let answers = answers(&publisher, sent).await;
        assert!([1, 4, 5].iter().all(|place| is_unroutable(&answers[*place])), "{answers:?}");
        assert_eq!([&answers[0], &answers[2], &answers[3]], [&Ok(()); 3], "{answers:?}");
        assert!(publisher.can_send_orders());
    }
    assert_eq!((scene.broker.ready(TAKEOUT_QUEUE).await, scene.broker.ready("answers").await), (3, 3));
    scene.lines.until("rabbitmq_connected", 2).await;
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0, "the connection is the same");
}

#[tokio::test]
async fn a_direct_reply_reaches_its_asker() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    let mut intake = scene.requests(&scene.settings, 1).await;
    let settings = &scene.settings;
    let password = settings.password.expose_secret();
    let arguments = OpenConnectionArguments::new(&settings.host, settings.port, &settings.user, password)
        .virtual_host(&settings.vhost)
        .finish();
    let asker = within("a connection", Connection::open(&arguments)).await.unwrap();
    let channel = asker.open_channel(None).await.unwrap();
    let consume = BasicConsumeArguments::new("amq.rabbitmq.reply-to", "asker").manual_ack(false).finish();
    let (_, mut replies) = channel.basic_consume_rx(consume).await.unwrap();
    let properties = BasicProperties::default().with_reply_to("amq.rabbitmq.reply-to").finish();
    let route = BasicPublishArguments::new("", REQUESTS_QUEUE);
    channel.basic_publish(properties, b"a request".to_vec(), route).await.unwrap();

    // The address is good for the copy of the request too.
    let request = within("the request", intake.next()).await.unwrap();
    assert!(request.identify("made-1").is_none());
    let request = within("its copy", intake.next()).await.unwrap();
    let reply_to = request.delivery().reply_to().unwrap().to_owned();
    assert!(reply_to.starts_with("amq.rabbitmq.reply-to."), "{reply_to}");
    publisher.publish(reply(&reply_to, "r-1")).await.unwrap();
    let received = within("the reply", replies.recv()).await.unwrap();
    assert_eq!(received.content.as_deref(), Some(BODY.as_bytes()));
    // Once the asker has gone, nobody says so.
    asker.close().await.unwrap();
    publisher.publish(reply(&reply_to, "r-2")).await.unwrap();
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
}

#[test]
fn some_names_are_no_askers() {
    let to = |name: &str| Outgoing::reply(name, None, "r-1", Vec::new());
    let longest = "ü".repeat(127);
    for name in ["answers", "amq.gen-JzTY20BRgKO-HjmUJj0wLg", &longest] {
        assert!(to(name).is_some(), "{name}");
    }
    let too_long = format!("{longest}ab");
    let own = [TAKEOUT_QUEUE, "kitchen_dlq", "notifications_queue", REQUESTS_QUEUE, "order_status_updates"];
    for name in own.into_iter().chain(["", &too_long]) {
        assert!(to(name).is_none(), "{name}");
    }
}
