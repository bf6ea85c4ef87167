//! Signals: the service ends soon and with exit code 0, whatever clients are connected.

use std::time::Duration;

use testkit::Signal;
use testkit::wait::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::records::{NUMBER, open, store};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn sigterm_sigint_and_sighup_end_it_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (_stage, _database, mut service) = open().await;
        service.signal(signal);
        assert_eq!(service.wait().await.code(), Some(0));
        let line = service.log("graceful_shutdown").await;
        assert_eq!(line["level"], "INFO");
    }
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_it() {
    let (_stage, _database, mut service) = open().await;
    let mut idle = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    within("an answer", idle.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let silent = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();

    let started = Instant::now();
    assert_eq!(service.stop().await, Some(0));
    assert!(started.elapsed() < SOON, "it took {:?}", started.elapsed());
    drop((idle, silent));
}

#[tokio::test]
async fn a_request_in_progress_is_answered() {
    let (_stage, database, mut service) = open().await;
    let port = service.port();
    database.execute("begin; lock table workers in access exclusive mode").await;
    let asked =
        tokio::spawn(async move { testkit::http::send(port, "GET", "/workers/status", &[], b"").await });
    service.log("request_received").await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    database.execute("commit").await;
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(service.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (_stage, database, mut service) = open().await;
    let port = service.port();
    database.execute("begin; lock table workers in access exclusive mode").await;
    let asked = tokio::spawn(async move {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET /workers/status HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    service.log("request_received").await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    service.signal(Signal::TERM);
    assert_eq!(service.wait().await.code(), Some(143), "{:?}", service.raw_lines());
    let _ = asked.await;
}

#[tokio::test]
async fn a_task_that_ends_too_early_ends_the_service_and_is_named() {
    let (stage, database, _service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    let launch = stage.tracking_service().env("FAILPOINT", "tracking.looked_up=panic");
    let mut service = launch.ready_when_probed().start().await;
    let answer = service.get(&format!("/orders/{NUMBER}/status")).await;
    assert_eq!(answer.status, 500);
    assert_eq!(service.wait().await.code(), Some(1));
    let failed = service.logged("service_failed").remove(0);
    assert_eq!(failed["error"]["msg"], "the task that looks orders up ended unasked");
}
