//! Status updates of users that may not send them (`rabbitmq.publishers`).

use amqprs::BasicProperties;
use testkit::{Broker, Stage};

use crate::updates::{EXCHANGE, cooking, sentence};

async fn publish_as(broker: &Broker, user: Option<&str>, place: u32) {
    let mut properties = BasicProperties::default();
    properties.with_message_id(&format!("update-{place}"));
    if let Some(user) = user {
        properties.with_user_id(user);
    }
    broker.publish(EXCHANGE, "", properties, &cooking(place).to_string()).await;
}

#[tokio::test]
async fn a_forged_update_is_logged_and_not_shown() {
    let stage = Stage::new().await;
    let (name, publishers) = stage.publishers();
    let subscriber = stage.subscriber().env(name, publishers).start().await;
    let (ours, stranger) = (stage.broker().await, stage.broker_as("mallory").await);
    publish_as(&stranger, Some("mallory"), 1).await;
    publish_as(&stranger, None, 2).await;
    publish_as(&ours, Some(&stage.servers.rabbitmq.user), 3).await;

    assert_eq!(subscriber.notification("ORD_").await, sentence(3));
    let lines = subscriber.logs("message_untrusted", 2).await;
    let said = lines[0]["error"]["msg"].as_str().unwrap();
    assert!(said.contains("the user 'mallory' may not send status updates"), "{said}");
    assert_eq!(lines[0]["details"]["message_id"], "update-1");
    assert_eq!(subscriber.console(), [sentence(3)]);
    // What was refused is not known: the real update with the same id is shown.
    publish_as(&ours, Some(&stage.servers.rabbitmq.user), 1).await;
    assert_eq!(subscriber.notification("ORD_20241216_001").await, sentence(1));
}

#[tokio::test]
async fn without_the_setting_every_update_is_shown() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    publish_as(&stage.broker_as("mallory").await, None, 1).await;
    assert_eq!(subscriber.notification("ORD_").await, sentence(1));
}
