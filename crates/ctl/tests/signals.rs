//! Every command ends at a signal, even as the first process of a container, where a signal without
//! a handler is ignored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use testkit::{Launch, Signal, Stage, eventually};
use tokio::net::TcpListener;
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_command_that_waits_for_a_server_ends_at_once() {
    let stage = Stage::new().await;
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for (words, signal) in [
        (&["migrate"][..], Signal::TERM),
        (&["migrate", "--roles"], Signal::HUP),
        (&["doctor"], Signal::INT),
        (&["audit"], Signal::TERM),
        (&["menu", "export"], Signal::INT),
        (&["prune", "--older-than=90d", "--yes"], Signal::INT),
        (&["dlq", "list"], Signal::TERM),
        (&["dlq", "replay", "--all"], Signal::TERM),
    ] {
        let launch = Launch::new("restaurant-ctl", stage.environment());
        let launch = launch.env("DB_PORT", port.to_string()).env("RABBITMQ_PORT", port.to_string());
        let launch = words.iter().fold(launch, |launch, word| launch.arg(*word));
        let mut command = launch.start().await;
        let _its_connection = silent.accept().await.unwrap();
        eventually("handlers", async || command.handles_signals().then_some(())).await;
        let started = Instant::now();
        command.signal(signal);
        let status = command.wait().await;
        assert_eq!(status.signal(), Some(signal.as_raw()), "{words:?}: {}", command.everything());
        assert!(started.elapsed() < SOON, "{words:?}: {:?}", started.elapsed());
    }
}
