//! It ends at a signal, even as the first process of a container, where a signal without a handler
//! is ignored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use testkit::{Launch, Signal, eventually};
use tokio::net::TcpListener;
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_load_that_waits_for_a_service_ends_at_once() {
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("--url=http://{}", silent.local_addr().unwrap());
    let mut load = Launch::new("restaurant-load", Vec::new()).arg(url).start().await;
    let _its_connection = silent.accept().await.unwrap();
    eventually("handlers", async || load.handles_signals().then_some(())).await;
    let started = Instant::now();
    load.signal(Signal::TERM);
    let status = load.wait().await;
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{}", load.everything());
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}
