//! Rows that are committed in another order than that of their ids.

use std::time::Duration;

use tokio::time::Instant;

use crate::scene::{NUMBER, Scene, step};

#[tokio::test]
async fn a_row_that_is_committed_soon_comes_in_its_place() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let holder = scene.stage.database().await;
    let first = scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, NUMBER, "cooking").await;
    let last = scene.step("ready").await;
    assert_eq!(stream.ids(1).await, [first]);
    holder.execute("commit").await;
    assert_eq!(stream.ids(2).await, [held, last]);
}

#[tokio::test]
async fn a_row_that_takes_long_is_late_and_never_lost_nor_twice() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let holder = scene.stage.database().await;
    let first = scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, NUMBER, "cooking").await;
    let began = Instant::now();
    let third = scene.step("ready").await;
    assert_eq!(stream.ids(2).await, [first, third]);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(1_900), "{waited:?}");
    let gap = scene.service.log("status_log_gap").await;
    assert_eq!((&gap["details"]["lowest_id"], &gap["details"]["highest_id"]), (&held.into(), &held.into()));
    // One client stays, one goes and comes back, one comes now.
    let position = stream.position().await;
    let mut away = scene.resumed_at(&position).await;
    let mut new = scene.stream().await;
    assert_eq!(new.ids(2).await, [first, third]);
    let gone = new.position().await;
    drop(new);
    holder.execute("commit").await;
    let fourth = scene.step("completed").await;
    for stream in [&mut stream, &mut away] {
        assert_eq!(stream.ids(2).await, [held, fourth]);
        assert_eq!(stream.position().await, fourth.to_string());
    }
    assert_eq!(scene.resumed_at(&gone).await.ids(2).await, [held, fourth]);
}

#[tokio::test]
async fn a_client_that_got_a_late_row_does_not_get_the_later_ones_again() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let holder = scene.stage.database().await;
    holder.execute("begin").await;
    let held = step(&holder, NUMBER, "cooking").await;
    let later = scene.step("ready").await;
    assert_eq!(stream.ids(1).await, [later]);
    let before = stream.position().await;
    holder.execute("commit").await;
    assert_eq!(stream.ids(1).await, [held]);
    let mut resumed = scene.resumed_at(&before).await;
    assert_eq!(resumed.ids(1).await, [held]);
    let positions = [stream.position().await, resumed.position().await];
    let next = scene.step("completed").await;
    for position in positions {
        assert_eq!(scene.resumed_at(&position).await.ids(1).await, [next], "{position}");
    }
}

#[tokio::test]
async fn ids_of_a_transaction_that_was_rolled_back_delay_others_and_lose_nothing() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let holder = scene.stage.database().await;
    holder.execute("begin").await;
    for _ in 0..3 {
        step(&holder, NUMBER, "cooking").await;
    }
    let later = scene.step("ready").await;
    holder.execute("rollback").await;
    assert_eq!(stream.ids(1).await, [later]);
}
