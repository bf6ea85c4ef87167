//! A disk that is full for a while: unprinted lines are printed later, once, and the subscriber
//! goes on.

use std::path::Path;

use testkit::{Service, Stage, eventually};

use crate::updates::{publish_orders, sentences, shown_until};

/// From now on the output may grow by only this many bytes.
fn fill_disk(subscriber: &Service, output: &Path, rest: u64) {
    subscriber.limit_files(Some(output.metadata().unwrap().len() + rest));
}

async fn complains(subscriber: &Service, part: &str) {
    eventually(&format!("'{part}' on stderr"), async || {
        subscriber.errors().iter().any(|line| line.contains(part)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn lines_are_printed_once_the_disk_has_room() {
    // More than the broker's prefetch.
    const MANY: u32 = 500;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let mut subscriber = stage.subscriber().printing_to(&output).start().await;
    publish_orders(&broker, 1..=3).await;
    shown_until(&subscriber, 3).await;

    // The next line is cut in its middle.
    fill_disk(&subscriber, &output, 40);
    publish_orders(&broker, 4..=MANY).await;
    complains(&subscriber, "cannot write to stdout, trying again: File too large").await;
    subscriber.limit_files(None);
    assert_eq!(shown_until(&subscriber, MANY).await, sentences(1..=MANY));
    let told = subscriber.log("log_resumed").await;
    assert!(told["details"]["why"].as_str().unwrap().contains("File too large"), "{told}");
    assert_eq!(subscriber.stop().await, Some(0));
    // Every line is complete.
    let lines = subscriber.log_lines();
    assert_eq!(lines.iter().filter(|line| line["action"] == "notification_received").count(), 500);
    assert!(subscriber.logged("notification_repeated").is_empty());
}

#[tokio::test]
async fn a_connection_lost_in_the_meantime_loses_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let proxy = stage.rabbitmq_proxy().await;
    let launch = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string()).printing_to(&output);
    let subscriber = launch.start().await;
    publish_orders(&broker, 1..=1).await;
    shown_until(&subscriber, 1).await;
    fill_disk(&subscriber, &output, 0);
    publish_orders(&broker, 2..=150).await;
    complains(&subscriber, "cannot write to stdout").await;
    proxy.cut();
    proxy.mend();
    publish_orders(&broker, 151..=300).await;
    subscriber.limit_files(None);
    assert_eq!(shown_until(&subscriber, 300).await, sentences(1..=300));
}

#[tokio::test]
async fn a_full_disk_does_not_delay_the_shutdown_and_the_loss_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let stage = Stage::new().await;
    let mut subscriber = stage.subscriber().printing_to(&output).start().await;
    fill_disk(&subscriber, &output, 0);
    publish_orders(&stage.broker().await, 1..=3).await;
    complains(&subscriber, "cannot write to stdout").await;
    assert_eq!(subscriber.stop().await, Some(0));
    complains(&subscriber, "log lines are lost: stdout does not take them").await;
}
