//! SIGTERM: what waits goes back, and what was started is released.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use testkit::orders::takeout;

use crate::scene::Scene;

#[tokio::test]
async fn waiting_tickets_go_back_and_what_is_ready_in_time_is_finished() {
    let mut scene = Scene::open().await;
    let started = scene.ticketed(&takeout()).await;
    let waiting = scene.ticketed(&takeout()).await;
    scene.bumped(&started, "start", "received").await;
    let mut stream = scene.stream().await;
    assert_eq!(stream.event("tickets").await.unwrap().json()["stopping"], false);
    scene.worker.signal(Signal::TERM);
    // Displays say so, and why a tap does nothing.
    stream.event("stopping").await.unwrap();
    assert_eq!(scene.board().await["stopping"], true);
    scene.worker.log("graceful_shutdown").await;
    let broker = scene.stage.broker().await;
    let refused = scene.bump(&waiting, "start", "received").await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("stopping")), "{refused:?}");
    // The person at the display still says that it is ready.
    scene.bumped(&started, "ready", "cooking").await;
    assert_eq!(scene.worker.wait().await.code(), Some(0));
    assert_eq!(scene.status(&waiting).await, "received");
    testkit::eventually("the message to be back", async || {
        (broker.ready("kitchen_takeout_queue").await == 1).then_some(())
    })
    .await;
    assert_eq!(scene.processed().await, 1);
}

#[tokio::test]
async fn what_is_not_ready_in_time_is_released_at_once() {
    let mut scene =
        Scene::with(|launch| launch.arg("--heartbeat-interval=30").env("SHUTDOWN_GRACE_SECONDS", "11")).await;
    let number = scene.ticketed(&takeout()).await;
    let mut stream = scene.stream().await;
    scene.bumped(&number, "start", "received").await;
    scene.worker.signal(Signal::TERM);
    assert_eq!(scene.worker.wait().await.code(), Some(0));
    assert_eq!(scene.worker.logged("order_left").len(), 1);
    while stream.block().await.is_some() {}
    let ended = "select lease_until <= now() from order_claims";
    assert_eq!(scene.database.value(ended).await, true);
    let second = scene.stage.kitchen_worker("chef_second").start().await;
    second.log("order_completed").await;
    assert_eq!(
        scene.log(&number).await,
        ["received order-service", "cooking chef_anna", "ready chef_second"]
    );
}

#[tokio::test]
async fn an_idle_worker_with_an_open_display_ends_at_once() {
    let mut scene = Scene::open().await;
    let mut stream = scene.stream().await;
    stream.event("tickets").await.unwrap();
    scene.worker.signal(Signal::TERM);
    let mut retry = None;
    while let Some(block) = stream.block().await {
        retry = block.retry.or(retry);
    }
    assert!(retry.is_some_and(|retry| (1_000..4_000).contains(&retry)), "{retry:?}");
    assert_eq!(scene.worker.wait().await.code(), Some(0));
}

/// Each gets an answer, long before the grace is over.
#[tokio::test]
async fn recalls_that_the_shutdown_overtakes_are_answered() {
    let mut scene = Scene::open().await;
    let mut ready = Vec::new();
    for _ in 0..8 {
        let number = scene.ticketed(&takeout()).await;
        scene.bumped(&number, "start", "received").await;
        scene.bumped(&number, "ready", "cooking").await;
        ready.push(number);
    }
    // It keeps the worker from ending.
    let started = scene.ticketed(&takeout()).await;
    scene.bumped(&started, "start", "received").await;
    let begun = Instant::now();
    let recalling = ready.iter().map(|number| scene.bump(number, "recall", "ready"));
    let recalling = futures_util::future::join_all(recalling);
    let stopping = async { scene.worker.signal(Signal::TERM) };
    let (answers, ()) = tokio::join!(recalling, stopping);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for (number, answer) in ready.iter().zip(answers) {
        match answer.status {
            200 => drop(scene.bumped(number, "ready", "cooking").await),
            _ => assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("stopping")), "{answer:?}"),
        }
    }
    scene.bumped(&started, "ready", "cooking").await;
    assert_eq!(scene.worker.wait().await.code(), Some(0));
    assert_eq!(scene.processed().await, 9);
}
