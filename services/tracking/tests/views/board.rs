//! `GET /board`.

use serde_json::{Value, json};
use testkit::http;

use crate::scene::{Scene, number};

async fn board(scene: &Scene) -> Value {
    let answer = scene.ask("/board", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
    let mut board = answer.json();
    let as_of = board.as_object_mut().unwrap().remove("as_of").unwrap();
    assert_eq!(as_of.as_str().unwrap().len(), 24, "{as_of}");
    board
}

#[tokio::test]
async fn it_has_the_numbers_of_what_is_prepared_and_of_what_is_ready() {
    let scene = Scene::open().await;
    assert_eq!(board(&scene).await, json!({ "preparing": [], "ready": [] }));
    for place in 1..=6 {
        scene.store(place, 20.0 - f64::from(place)).await;
    }
    scene.step(2, "cooking", 10.0).await;
    for (place, minutes) in [(3, 6.0), (4, 3.0), (5, 2.0)] {
        scene.step(place, "cooking", minutes).await;
        scene.step(place, "ready", minutes - 1.0).await;
    }
    scene.step(5, "completed", 0.5).await;
    scene.step(6, "cancelled", 1.0).await;
    let expected = json!({ "preparing": [number(1), number(2)], "ready": [number(4), number(3)] });
    assert_eq!(board(&scene).await, expected);
    let head = http::send(scene.service.port(), "HEAD", "/board", &[], b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_ready_order_leaves_it_after_a_time_that_counts_from_the_last_ready() {
    let scene = Scene::open().await;
    for place in 1..=3 {
        scene.store(place, 60.0).await;
        scene.step(place, "cooking", 50.0).await;
        scene.step(place, "ready", 30.0).await;
    }
    // Recalled, and ready again.
    scene.step(2, "cooking", 29.0).await;
    scene.step(2, "ready", 14.0).await;
    // Recalled, and still cooking.
    scene.step(3, "cooking", 13.0).await;
    let expected = json!({ "preparing": [number(3)], "ready": [number(2)] });
    assert_eq!(board(&scene).await, expected);
    let launch = scene.stage.tracking_service().env("BOARD_KEEP_MINUTES", "60").ready_when_probed();
    let patient = launch.start().await;
    assert_eq!(patient.get("/board").await.json()["ready"], json!([number(2), number(1)]));
    // Leaving the board changes nothing else.
    assert_eq!(
        scene.service.get(&format!("/orders/{}/status", number(1))).await.json()["current_status"],
        "ready"
    );
}
