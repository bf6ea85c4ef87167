//! Graceful shutdown: orders in work are finished and answered, everything else ends at once.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use testkit::{Signal, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::impatient_client::ImpatientClient;
use crate::in_work::{HeldCounter, placing};

#[tokio::test]
async fn either_signal_ends_it_with_0_and_a_log_line() {
    let stage = Stage::new().await;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut service = stage.order_service().start().await;
        service.signal(signal);
        assert_eq!(service.wait().await.code(), Some(0));
        assert_eq!(service.logged("graceful_shutdown").len(), 1);
    }
}

#[tokio::test]
async fn orders_in_work_are_stored_published_and_answered_first() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let orders = [placing(&service), placing(&service), placing(&service)];
    service.logs("order_received", 3).await;
    held.is_awaited().await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    held.release().await;
    for order in orders {
        assert_eq!(order.await.unwrap().status, 200);
    }
    assert_eq!(service.wait().await.code(), Some(0));
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 3);
    assert_eq!(stage.database().await.value("select count(*) from order_outbox").await, 0);
}

#[tokio::test]
async fn an_order_whose_client_hung_up_is_finished_as_well() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let client = ImpatientClient::of(&service).await;
    held.is_awaited().await;
    client.hang_up().await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    held.release().await;
    assert_eq!(service.wait().await.code(), Some(0));
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 1);
    assert_eq!(stage.database().await.value("select count(*) from order_outbox").await, 0);
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().start().await;
    let mut idle = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 1_024]).await.unwrap() > 0);
    let mute = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    let started = Instant::now();
    assert_eq!(service.stop().await, Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop((idle, mute));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let order = placing(&service);
    held.is_awaited().await;
    service.signal(Signal::TERM);
    service.log("graceful_shutdown").await;
    let started = Instant::now();
    service.signal(Signal::TERM);
    let status = service.wait().await;
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    // The statement would be given up after ten seconds.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let answer = order.await;
    assert!(answer.is_err(), "{answer:?}");
    // What was not committed is not there.
    held.release().await;
}

#[tokio::test]
async fn it_can_be_stopped_while_it_waits_for_its_servers() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    postgres.cut();
    rabbitmq.silence();
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let mut service = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string()).ready_at_once().start().await;
    service.log("db_connection_failed").await;
    let started = Instant::now();
    assert_eq!(service.stop().await, Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_task_that_ends_too_early_ends_the_service_and_is_named() {
    let stage = Stage::new().await;
    let launch = stage.order_service();
    let mut storing = launch.clone().env("FAILPOINT", "order.before_commit=panic").start().await;
    let order = placing(&storing);
    assert_eq!(storing.wait().await.code(), Some(1));
    // The writer is gone: whether it stored the order, nobody says any more.
    assert_eq!(order.await.unwrap().status, 504);
    let failed = storing.logged("service_failed").remove(0);
    assert_eq!(failed["error"]["msg"], "the task that stores orders ended unasked");
    assert_eq!(stage.database().await.value("select count(*) from orders").await, 0);

    let mut publishing = launch.env("FAILPOINT", "publisher.connected=panic").ready_at_once().start().await;
    assert_eq!(publishing.wait().await.code(), Some(1));
    let failed = publishing.logged("service_failed").remove(0);
    assert_eq!(failed["error"]["msg"], "the task that publishes messages ended unasked");
}
