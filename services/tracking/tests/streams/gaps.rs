//! Rows that are committed in another order than that of their ids.

use std::time::Duration;

use tokio::time::Instant;

use crate::of_all::{OTHER, events, open, resumed_at, seen};
use crate::scene::{NUMBER, Scene, step, store};

/// A little less than the time for which rows are held back.
const ALMOST_HELD: Duration = Duration::from_millis(1_900);

#[tokio::test]
async fn a_row_that_is_committed_soon_comes_in_its_place() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    let holder = scene.stage.database().await;
    let first = scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "cooking").await;
    let last = scene.step("ready").await;
    assert_eq!(stream.ids(1).await, [first]);
    holder.execute("commit").await;
    assert_eq!(stream.ids(2).await, [held, last]);
}

#[tokio::test]
async fn a_row_that_takes_long_is_late_and_never_lost_nor_twice() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    let holder = scene.stage.database().await;
    let first = scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "cooking").await;
    let began = Instant::now();
    let third = scene.step("ready").await;
    assert_eq!(stream.ids(2).await, [first, third]);
    let waited = began.elapsed();
    assert!(waited >= ALMOST_HELD, "{waited:?}");
    let gap = service.log("status_log_gap").await;
    assert_eq!((&gap["details"]["lowest_id"], &gap["details"]["highest_id"]), (&held.into(), &held.into()));
    // One client stays, one goes and comes back, one comes now.
    let position = stream.position().await;
    let mut away = resumed_at(&service, &position).await;
    let mut new = events(&service).await;
    let gone = new.position().await;
    holder.execute("commit").await;
    let fourth = scene.step("completed").await;
    for stream in [&mut stream, &mut away, &mut new] {
        assert_eq!(stream.ids(2).await, [held, fourth]);
        assert_eq!(seen(&stream.position().await), fourth.to_string());
    }
    assert_eq!(resumed_at(&service, &gone).await.ids(2).await, [held, fourth]);
}

#[tokio::test]
async fn a_client_that_got_a_late_row_does_not_get_the_later_ones_again() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    let holder = scene.stage.database().await;
    scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "cooking").await;
    let later = scene.step("ready").await;
    assert_eq!(stream.ids(2).await[1], later);
    let before = stream.position().await;
    holder.execute("commit").await;
    assert_eq!(stream.ids(1).await, [held]);
    let mut resumed = resumed_at(&service, &before).await;
    assert_eq!(resumed.ids(1).await, [held]);
    let positions = [stream.position().await, resumed.position().await];
    let next = scene.step("completed").await;
    for position in positions {
        assert_eq!(resumed_at(&service, &position).await.ids(1).await, [next], "{position}");
    }
}

#[tokio::test]
async fn whichever_block_was_the_last_one_nothing_is_lost_and_nothing_comes_twice() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    let holder = scene.stage.database().await;
    let first = scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "cooking").await;
    let third = scene.step("ready").await;
    let mut got = Vec::new();
    let mut positions = Vec::new();
    let mut fourth = None;
    while got.len() < 4 {
        let block = stream.block().await.unwrap();
        if block.event.as_deref() == Some("status") {
            got.push(block.row());
        }
        positions.push((got.clone(), stream.last_event_id.clone().unwrap()));
        if got.len() == 2 && fourth.is_none() {
            holder.execute("commit").await;
            fourth = Some(scene.step("completed").await);
        }
    }
    let fourth = fourth.unwrap();
    assert_eq!(got, [first, third, held, fourth]);
    let last = scene.step("cancelled").await;
    for (got, position) in positions {
        let missed: Vec<i64> =
            [first, held, third, fourth, last].into_iter().filter(|id| !got.contains(id)).collect();
        let mut resumed = resumed_at(&service, &position).await;
        assert_eq!(resumed.ids(missed.len()).await, missed, "{position}");
    }
}

#[tokio::test]
async fn ids_of_a_transaction_that_was_rolled_back_delay_others_and_lose_nothing() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    let first = scene.step("received").await;
    let holder = scene.stage.database().await;
    holder.execute("begin").await;
    for _ in 0..3 {
        step(&holder, OTHER, "cooking").await;
    }
    let later = scene.step("ready").await;
    holder.execute("rollback").await;
    assert_eq!(stream.ids(2).await, [first, later]);
}

#[tokio::test]
async fn the_stream_of_an_order_waits_for_no_row_of_another_one() {
    let scene = Scene::open().await;
    store(&scene.database, OTHER).await;
    let first = scene.step("received").await;
    let mut stream = scene.stream().await;
    assert_eq!(stream.ids(1).await, [first]);
    let holder = scene.stage.database().await;
    holder.execute("begin").await;
    step(&holder, OTHER, "received").await;
    let began = Instant::now();
    let next = scene.step("cooking").await;
    assert_eq!(stream.ids(1).await, [next]);
    let waited = began.elapsed();
    assert!(waited < ALMOST_HELD, "{waited:?}");
    assert_eq!(stream.position().await, next.to_string());
    // Who comes back, or comes now, waits no longer.
    let last = scene.step("ready").await;
    assert_eq!(scene.resumed_at(&next.to_string()).await.ids(1).await, [last]);
    assert_eq!(scene.stream().await.ids(3).await, [first, next, last]);
    // A row that is committed late comes as well.
    holder.execute("rollback; begin").await;
    let late = step(&holder, NUMBER, "completed").await;
    scene.step("cancelled").await;
    assert_eq!(stream.ids(2).await[0], last);
    holder.execute("commit").await;
    assert_eq!(stream.ids(1).await, [late]);
}
