//! `GET /orders/{order_number}/events`.

use std::time::Duration;

use testkit::http;
use testkit::{EventStream, Signal};
use tokio::time::Instant;

use crate::scene::{NUMBER, Scene, path, step, store};

#[tokio::test]
async fn it_begins_with_all_rows_of_its_order_and_goes_on() {
    let scene = Scene::open().await;
    let other = "ORD_20241216_002";
    store(&scene.database, other).await;
    let first = scene.step("received").await;
    step(&scene.database, other, "received").await;
    let second = scene.step("cooking").await;
    let mut stream = scene.stream().await;
    for header in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(stream.head.contains(header), "{}", stream.head);
    }
    let start = stream.block().await.unwrap();
    assert!((1_000..4_000).contains(&start.retry.unwrap()), "{start:?}");
    let event = stream.block().await.unwrap();
    assert_eq!((event.id, event.event.as_deref()), (Some(first.to_string()), Some("status")));
    assert_eq!(
        event.data.unwrap(),
        format!(
            r#"{{"order_number":"{NUMBER}","status":"received","changed_by":"chef_anna","timestamp":"2024-12-16T10:32:00.000Z"}}"#
        )
    );
    assert_eq!(stream.ids(1).await, [second]);
    step(&scene.database, other, "cooking").await;
    let third = scene.step("ready").await;
    assert_eq!(stream.ids(1).await, [third]);
}

#[tokio::test]
async fn a_client_that_comes_back_gets_exactly_what_it_missed() {
    let scene = Scene::open().await;
    scene.step("received").await;
    let mut stream = scene.stream().await;
    stream.ids(1).await;
    stream_until_live(&mut stream).await;
    let missed = [scene.step("cooking").await, scene.step("ready").await];
    let mut resumed = scene.resumed(&stream).await;
    assert_eq!(resumed.ids(2).await, missed);
    let later = scene.step("completed").await;
    assert_eq!(resumed.ids(1).await, [later]);
    // A position of another log, or none at all, is nothing that was seen.
    for unknown in ["999999", "x", "-1"] {
        let headers = [("Last-Event-ID", unknown)];
        let mut anew = EventStream::open(scene.service.port(), &path(NUMBER), &headers).await;
        assert_eq!(anew.ids(4).await.len(), 4, "{unknown}");
    }
}

/// Waits until its first rows are behind it.
async fn stream_until_live(stream: &mut EventStream) {
    stream.event("heartbeat").await.unwrap();
}

#[tokio::test]
async fn heartbeats_tell_the_database_s_time_and_have_no_id() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let first = stream.event("heartbeat").await.unwrap();
    let began = Instant::now();
    let second = stream.event("heartbeat").await.unwrap();
    let passed = began.elapsed();
    // On a busy machine one of them proves nothing, and is a comment.
    assert!((4..13).contains(&passed.as_secs()), "{passed:?}");
    assert_eq!((first.id, second.id), (None, None));
    let [first, second] = [first.data, second.data].map(|data| data.unwrap());
    assert!(second > first && first.starts_with("{\"timestamp\":\"20"), "{first} {second}");
    let is_now = format!(
        "select abs(extract(epoch from now() - ('{second}'::jsonb->>'timestamp')::timestamptz)) < 10 as is_now"
    );
    assert_eq!(scene.database.value(&is_now).await, true);
}

#[tokio::test]
async fn an_unknown_order_has_no_stream_and_head_has_no_body() {
    let scene = Scene::open().await;
    for unknown in ["ORD_20241216_999", "nonsense"] {
        let answer = scene.service.get(&path(unknown)).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json()["detail"], format!("There is no order {unknown}."));
    }
    let answer = http::send(scene.service.port(), "HEAD", &path(NUMBER), &[], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    assert_eq!(answer.body, "");
    // The length of a stream is unknown, and not 0.
    assert!(!answer.headers.contains_key("content-length"), "{answer:?}");
    let answer = http::send(scene.service.port(), "POST", &path(NUMBER), &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn at_shutdown_streams_end_first_and_say_when_to_come_back() {
    let mut scene = Scene::open().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = scene.stream().await;
        stream_until_live(&mut stream).await;
        streams.push(stream);
    }
    let began = Instant::now();
    scene.service.signal(Signal::TERM);
    let mut pauses = Vec::new();
    for stream in &mut streams {
        let last = stream.block().await.unwrap();
        pauses.push(last.retry.expect("a pause"));
        assert_eq!(stream.block().await, None);
    }
    drop(streams);
    assert_eq!(scene.service.wait().await.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 10, "no jitter: {pauses:?}");
    assert!(scene.service.logged("shutdown_incomplete").is_empty());
}
