//! "`--max-concurrent`: Maximum number of concurrent orders to process."

use std::time::{Duration, Instant};

use testkit::Stage;
use testkit::orders::takeout;

use crate::in_work::{HeldCounter, placing};
use crate::refusal::problem;

#[tokio::test]
async fn an_order_beyond_the_limit_waits_a_bounded_time_and_is_told_to_come_back() {
    let stage = Stage::new().await;
    let service = stage.order_service().arg("--max-concurrent=2").start().await;
    let held = HeldCounter::of(&stage).await;
    let in_work = [placing(&service), placing(&service)];
    service.logs("order_received", 2).await;

    let started = Instant::now();
    let answer = placing(&service).await.unwrap();
    assert!((Duration::from_millis(1_900)..Duration::from_secs(10)).contains(&started.elapsed()));
    let detail = "Too many orders are in work at the moment. Try again in a second.";
    assert_eq!(problem(&answer, 503)["detail"], detail);
    assert_eq!(answer.header("retry-after"), "1");

    // What is no order is refused all the same, and probes are answered.
    assert_eq!(service.post("/orders", "{}").await.status, 400);
    assert_eq!(service.get("/livez").await.status, 200);

    held.release().await;
    for order in in_work {
        assert_eq!(order.await.unwrap().status, 200);
    }
    assert_eq!(service.logged("order_received").len(), 2);
    service.place(&takeout()).await;
}

#[tokio::test]
async fn an_order_that_waits_gets_the_place_that_gets_free() {
    let stage = Stage::new().await;
    let service = stage.order_service().arg("--max-concurrent=1").start().await;
    let held = HeldCounter::of(&stage).await;
    let first = placing(&service);
    held.is_awaited().await;
    let second = placing(&service);
    // It has sent its order when a later connection has been answered.
    assert_eq!(service.get("/livez").await.status, 200);
    assert_eq!(service.logged("order_received").len(), 1);
    held.release().await;
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
}

#[tokio::test]
async fn fifty_orders_at_once_are_the_default() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let in_work: Vec<_> = (0..50).map(|_| placing(&service)).collect();
    service.logs("order_received", 50).await;
    assert_eq!(placing(&service).await.unwrap().status, 503);
    held.release().await;
    for order in in_work {
        assert_eq!(order.await.unwrap().status, 200);
    }
}
