//! Replays that are killed, interrupted or disconnected in the middle: no message is lost.

use std::time::Duration;

use testkit::{Proxy, Service, Signal, eventually};

use crate::scene::{Scene, numbered};

#[tokio::test]
async fn a_replay_that_is_killed_loses_nothing() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (_proxy, mut replay) = slow_replay(&scene).await;
    lines_printed(&replay, 300).await;
    replay.kill().await;
    let said = replay.raw_lines().len();
    assert!((300..count).contains(&said), "killed in the middle: {said}");
    let places = scene.assert_nothing_lost(count).await;
    assert!(places.values().all(|copies| *copies <= 2));
    // Only the messages of one batch can be in both queues.
    assert!(places.values().filter(|copies| **copies == 2).count() <= 100);
}

#[tokio::test]
async fn an_interrupted_replay_finishes_its_batch() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (_proxy, mut replay) = slow_replay(&scene).await;
    lines_printed(&replay, 100).await;
    replay.signal(Signal::INT);
    assert_eq!(replay.wait().await.code(), Some(1));
    let said = replay.raw_lines().iter().filter(|line| line.starts_with("replayed ")).count();
    assert!(said < count, "{said} replayed");
    scene.until_there_are(u32::try_from(count - said).unwrap()).await;
    let places = scene.assert_nothing_lost(count).await;
    assert!(places.values().all(|copies| *copies == 1));
}

#[tokio::test]
async fn two_commands_at_once_do_not_interfere() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines_printed(&replay, 100).await;
    replay.signal(Signal::STOP);
    let ended = scene.run(&["list"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("try again when it has ended"), "{ended:?}");
    proxy.delay(Duration::ZERO);
    replay.signal(Signal::CONT);
    assert_eq!(replay.wait().await.code(), Some(0));
    scene.assert_nothing_lost(count).await;
}

#[tokio::test]
async fn a_lost_connection_loses_nothing() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines_printed(&replay, 100).await;
    proxy.cut();
    assert_eq!(replay.wait().await.code(), Some(1));
    let complaint = replay.errors().join("\n");
    assert!(complaint.contains("Nothing is lost") && complaint.contains("Try again"), "{complaint}");
    scene.assert_nothing_lost(count).await;
}

#[tokio::test]
async fn a_silent_broker_is_given_up() {
    let count = 2_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines_printed(&replay, 100).await;
    proxy.silence();
    assert_eq!(replay.wait().await.code(), Some(1));
    let complaint = replay.errors().join("\n");
    assert!(complaint.contains("Nothing is lost"), "{complaint}");
    drop(proxy);
    scene.assert_nothing_lost(count).await;
}

/// Replays all messages through a slow connection, so that the test can act in the middle.
async fn slow_replay(scene: &Scene) -> (Proxy, Service) {
    let proxy = scene.stage.rabbitmq_proxy().await;
    proxy.delay(Duration::from_millis(200));
    let launch = scene.command(&["replay", "--all"]).env("RABBITMQ_PORT", proxy.port().to_string());
    let replay = launch.start().await;
    (proxy, replay)
}

/// Waits until the command has printed this many lines.
async fn lines_printed(command: &Service, count: usize) {
    eventually("lines", async || (command.raw_lines().len() >= count).then_some(())).await;
}
