//! Lost connections: nothing is missed, and nothing is shown twice.

use testkit::{Broker, Proxy, Service, Stage};

use crate::updates::{QUEUE, publish_orders, sentences, shown_until};

/// A subscriber behind a connection that the test can cut.
async fn behind_proxy(arguments: &[&str]) -> (Stage, Broker, Proxy, Service) {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let proxy = stage.rabbitmq_proxy().await;
    // The stream exists before the subscriber.
    stage.subscriber().start().await.stop().await;
    let mut launch = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string());
    for argument in arguments {
        launch = launch.arg(*argument);
    }
    let subscriber = launch.start().await;
    (stage, broker, proxy, subscriber)
}

async fn cut(proxy: &Proxy, subscriber: &Service) {
    let known = subscriber.logged("rabbitmq_connection_failed").len();
    proxy.cut();
    subscriber.logs("rabbitmq_connection_failed", known + 1).await;
}

#[tokio::test]
async fn messages_sent_during_a_cut_are_shown_afterwards_and_none_twice() {
    let (_stage, broker, proxy, subscriber) = behind_proxy(&[]).await;
    publish_orders(&broker, 1..=5).await;
    shown_until(&subscriber, 5).await;
    for round in 1..=3 {
        cut(&proxy, &subscriber).await;
        publish_orders(&broker, 5 * round + 1..=5 * round + 5).await;
        proxy.mend();
        assert_eq!(shown_until(&subscriber, 5 * round + 5).await, sentences(1..=5 * round + 5));
    }
    assert!(subscriber.logged("notification_repeated").is_empty(), "nothing had to be dropped");
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_flood_loses_nothing() {
    const MANY: u32 = 3_000;
    let (_stage, broker, proxy, subscriber) = behind_proxy(&[]).await;
    let publishing = tokio::spawn(async move {
        publish_orders(&broker, 1..=MANY).await;
        broker
    });
    for place in [100, 1_000] {
        shown_until(&subscriber, place).await;
        proxy.cut();
        proxy.mend();
    }
    let broker = publishing.await.unwrap();
    assert_eq!(shown_until(&subscriber, MANY).await, sentences(1..=MANY));
    drop(broker);
}

#[tokio::test]
async fn messages_sent_during_a_cut_are_shown_even_if_none_was_shown_before() {
    for arguments in [&[][..], &["--from=next"], &["--from=first"], &["--from=1s"]] {
        let (_stage, broker, proxy, subscriber) = behind_proxy(arguments).await;
        cut(&proxy, &subscriber).await;
        publish_orders(&broker, 1..=3).await;
        // Longer ago than `--from=1s` reaches back.
        subscriber.logs("rabbitmq_connection_failed", 5).await;
        proxy.mend();
        assert_eq!(shown_until(&subscriber, 3).await, sentences(1..=3), "{arguments:?}");
    }
}

#[tokio::test]
async fn messages_older_than_the_subscriber_stay_unseen_after_a_cut() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let proxy = stage.rabbitmq_proxy().await;
    let earlier = stage.subscriber().start().await;
    publish_orders(&broker, 1..=3).await;
    shown_until(&earlier, 3).await;
    // Positions by time have a resolution of whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let subscriber = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    cut(&proxy, &subscriber).await;
    publish_orders(&broker, 4..=5).await;
    proxy.mend();
    assert_eq!(shown_until(&subscriber, 5).await, sentences(4..=5));
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_declared_and_read_again() {
    let (_stage, broker, _proxy, subscriber) = behind_proxy(&[]).await;
    publish_orders(&broker, 1..=5).await;
    shown_until(&subscriber, 5).await;
    broker.delete(QUEUE).await;
    subscriber.logs("rabbitmq_connected", 2).await;
    publish_orders(&broker, 6..=7).await;
    assert_eq!(shown_until(&subscriber, 7).await, sentences(1..=7));
}

#[tokio::test]
async fn a_queue_that_was_recreated_during_a_cut_is_read_from_its_beginning() {
    // With fewer messages than were shown before, and with more.
    for anew in [2, 20] {
        let (stage, broker, proxy, subscriber) = behind_proxy(&[]).await;
        publish_orders(&broker, 1..=5).await;
        shown_until(&subscriber, 5).await;
        cut(&proxy, &subscriber).await;
        broker.delete(QUEUE).await;
        stage.subscriber().start().await.stop().await;
        publish_orders(&broker, 6..6 + anew).await;
        proxy.mend();
        assert_eq!(shown_until(&subscriber, 5 + anew).await, sentences(1..6 + anew));
    }
}
