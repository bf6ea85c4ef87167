//! Many streams, slow clients, and what they cost.

use std::time::Duration;

use testkit::http;
use testkit::{EventStream, eventually};

use crate::scene::{NUMBER, Scene, launch, path, step, store};

#[tokio::test]
async fn seven_tabs_get_the_same() {
    let scene = Scene::open().await;
    let first = scene.step("received").await;
    let mut tabs = Vec::new();
    for _ in 0..7 {
        tabs.push(scene.stream().await);
    }
    let second = scene.step("cooking").await;
    for tab in &mut tabs {
        assert_eq!(tab.ids(2).await, [first, second]);
    }
}

/// Statements that read the log since the last call.
async fn statements(scene: &Scene) -> i64 {
    let counted = "select case when is_called then last_value else 0 end from statements";
    let counted = scene.database.value(counted).await.as_i64().unwrap();
    scene.database.execute("select setval('statements', 1, false)").await;
    counted
}

#[tokio::test]
async fn the_log_is_read_as_often_for_many_streams_as_for_one_and_never_for_none() {
    const MANY: usize = 60;
    let scene = Scene::open().await;
    scene.step("received").await;
    // From now on whatever reads the log increments a sequence.
    scene
        .database
        .execute(
            "create sequence statements;
             alter table order_status_log rename to stored;
             create view order_status_log as select * from stored where (select nextval('statements')) > 0",
        )
        .await;
    let mut one = scene.stream().await;
    one.position().await;
    statements(&scene).await;
    one.position().await;
    let for_one = statements(&scene).await;
    // Fifty looks in five seconds, if the machine has time for them. Each asks twice.
    assert!((10..=130).contains(&for_one), "{for_one}");
    let mut streams = Vec::new();
    for _ in 0..MANY {
        streams.push(scene.stream().await);
    }
    one.position().await;
    statements(&scene).await;
    one.position().await;
    let for_many = statements(&scene).await;
    assert!(for_many <= for_one * 3 / 2 + 10, "{for_one} for one, {for_many} for {MANY}");
    drop((one, streams));
    eventually("nobody to read the log", async || {
        statements(&scene).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        (statements(&scene).await <= 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_comes_back_where_it_was() {
    const ROWS: i64 = 3_000;
    let scene = Scene::open().await;
    scene.step("received").await;
    let mut slow =
        EventStream::try_open(scene.service.port(), &path(NUMBER), &[], Some(2_048)).await.unwrap();
    slow.ids(1).await;
    let mut quick = scene.stream().await;
    let reading = tokio::spawn(async move {
        let mut ids = quick.ids(1).await;
        // It is cut, too, if it does not keep up with all rows at once.
        while ids.len() <= usize::try_from(ROWS).unwrap() {
            match quick.event("status").await {
                Some(event) => ids.push(event.id.unwrap().parse::<i64>().unwrap()),
                None => break,
            }
        }
        ids
    });
    for _ in 0..ROWS / 50 {
        let sql = format!(
            "insert into order_status_log (order_id, status, changed_by)
             select orders.id, 'cooking', repeat('x', 100) from orders, generate_series(1, 50) where number = '{NUMBER}'"
        );
        scene.database.execute(&sql).await;
    }
    let mut ids = vec![1];
    while let Some(event) = slow.event("status").await {
        ids.push(event.id.unwrap().parse::<i64>().unwrap());
        if ids.len() == 2 {
            // It reads nothing until it was cut.
            scene.service.log("stream_cut").await;
        }
    }
    while i64::try_from(ids.len()).unwrap() <= ROWS {
        let mut resumed = scene.resumed(&slow).await;
        while let Some(event) = resumed.event("status").await {
            ids.push(event.id.unwrap().parse().unwrap());
            if i64::try_from(ids.len()).unwrap() > ROWS {
                break;
            }
        }
        slow = resumed;
    }
    assert_eq!(ids, (1..=ROWS + 1).collect::<Vec<_>>());
    let quick_ids = reading.await.unwrap();
    assert_eq!(quick_ids, ids[..quick_ids.len()]);
}

#[tokio::test]
async fn beyond_the_limit_a_stream_is_a_503_and_questions_are_answered() {
    let scene = Scene::open().await;
    scene.step("received").await;
    let service = launch(&scene.stage).env("HTTP_MAX_CONNECTIONS", "16").start().await;
    let mut streams = Vec::new();
    // Three quarters of what one address may have.
    for _ in 0..6 {
        streams.push(EventStream::open(service.port(), &path(NUMBER), &[]).await);
    }
    let answer = service.get(&path(NUMBER)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{answer:?}");
    let refused = service.log("stream_refused").await;
    assert_eq!(refused["details"]["endpoint"], "/orders/{order_number}/events");
    assert_eq!(service.get(&format!("/orders/{NUMBER}/status")).await.status, 200);
    streams.pop();
    eventually("a free place", async || {
        let opened = EventStream::try_open(service.port(), &path(NUMBER), &[], None).await.unwrap();
        opened.head.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    // The others go on.
    let later = scene.step("cooking").await;
    assert_eq!(streams[0].ids(2).await[1], later);
}

#[tokio::test]
async fn requests_that_follow_on_the_connection_are_not_answered_within_the_stream() {
    let scene = Scene::open().await;
    let first = scene.step("received").await;
    let pipelined = format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nX: {}", "x".repeat(100));
    let headers = [("X-End", format!("1\r\n\r\n{pipelined}"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut stream = EventStream::open(scene.service.port(), &path(NUMBER), &headers).await;
    assert!(stream.head.to_lowercase().contains("connection: close"), "{}", stream.head);
    assert_eq!(stream.ids(1).await, [first]);
    let second = scene.step("cooking").await;
    assert_eq!(stream.ids(1).await, [second]);
}

#[tokio::test]
async fn an_order_without_rows_gets_its_first_one() {
    let scene = Scene::open().await;
    let mut stream = scene.stream().await;
    let other = "ORD_20241216_002";
    store(&scene.database, other).await;
    step(&scene.database, other, "received").await;
    let first = scene.step("received").await;
    assert_eq!(stream.ids(1).await, [first]);
    assert_eq!(http::send(scene.service.port(), "GET", "/livez", &[], b"").await.status, 200);
}
