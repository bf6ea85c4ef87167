//! Signals and exit codes.

use std::time::Duration;

use testkit::{Signal, Stage};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::updates::{cooking, publish};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn sigterm_sigint_and_sighup_end_it_with_exit_code_0() {
    let stage = Stage::new().await;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut subscriber = stage.subscriber().start().await;
        subscriber.signal(signal);
        assert_eq!(subscriber.wait().await.code(), Some(0));
        assert_eq!(subscriber.log("graceful_shutdown").await["level"], "INFO");
    }
}

#[tokio::test]
async fn a_broker_that_is_away_does_not_hold_it_up() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    proxy.cut();
    let launch = stage.subscriber().env("RABBITMQ_PORT", proxy.port().to_string());
    let mut subscriber = launch.ready_at_once().start().await;
    // By now the backoff has reached seconds.
    subscriber.logs("rabbitmq_connection_failed", 5).await;
    let started = Instant::now();
    assert_eq!(subscriber.stop().await, Some(0));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_broker_that_does_not_answer_does_not_hold_it_up() {
    let stage = Stage::new().await;
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let mut subscriber = stage.subscriber().env("RABBITMQ_PORT", port).ready_at_once().start().await;
    let _connected = silent.accept().await.unwrap();
    let started = Instant::now();
    assert_eq!(subscriber.stop().await, Some(0));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test]
async fn without_a_reader_of_stdout_it_ends_with_exit_code_1() {
    let stage = Stage::new().await;
    let read = stage.subscriber().start().await;
    publish(&stage.broker().await, &cooking(1)).await;
    read.notification("ORD_20241216_001").await;
    let launch = stage.subscriber().arg("--from=first");
    let started = Instant::now();
    // Not even an error message can be written.
    assert_eq!(launch.run_to_end_without_reader().await.code, Some(1));
    // Including its start.
    assert!(started.elapsed() < SOON * 3, "{:?}", started.elapsed());
    let (_, broken) = std::io::pipe().unwrap();
    let ended = launch.run_to_end_into(broken).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot write to stdout"), "{}", ended.stderr);
}
