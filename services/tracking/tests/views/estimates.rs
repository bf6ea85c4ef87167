//! `GET /orders/{order_number}/estimate`.

use serde_json::Value;

use crate::scene::{Scene, number};

async fn estimate(scene: &Scene, place: u32) -> Value {
    let answer = scene.ask(&format!("/orders/{}/estimate", number(place)), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Seconds from `as_of` to both ends.
async fn range(scene: &Scene, estimate: &Value) -> (f64, f64) {
    let until = async |end: &str| {
        let sql = format!(
            "select extract(epoch from '{}'::timestamptz - '{}'::timestamptz)::float8 as seconds",
            estimate[end].as_str().unwrap(),
            estimate["as_of"].as_str().unwrap()
        );
        scene.database.value(&sql).await.as_f64().unwrap()
    };
    (until("earliest").await, until("latest").await)
}

#[tokio::test]
async fn while_nothing_is_measured_it_comes_from_the_configured_times() {
    let scene = Scene::open().await;
    scene.store_as(1, 2.0, "delivery", "Jane", 1).await;
    let body = estimate(&scene, 1).await;
    assert_eq!((&body["ahead"], &body["basis"]), (&0.into(), &"configured".into()));
    assert_eq!(body["order_type"], "delivery");
    assert_eq!(range(&scene, &body).await, (12.0, 30.0));
}

#[tokio::test]
async fn those_ahead_go_by_priority_and_the_pace_is_that_of_the_last_minutes() {
    let scene = Scene::open().await;
    // Ten orders in five minutes, each cooked for a minute. Orders of another type take longer.
    for place in 101..=110 {
        let ready = f64::from(place - 101) / 2.0;
        scene.store(place, ready + 3.0).await;
        scene.step(place, "cooking", ready + 1.0).await;
        scene.step(place, "ready", ready).await;
    }
    for place in 201..=204 {
        scene.store_as(place, 5.0, "dine_in", "Jane", 1).await;
        scene.step(place, "cooking", 4.0).await;
        scene.step(place, "ready", 1.0).await;
    }
    scene.store(1, 4.0).await;
    scene.store(2, 3.0).await;
    scene.store_as(3, 2.0, "takeout", "Jane", 10).await;
    scene.store_as(4, 9.0, "dine_in", "Jane", 10).await;
    scene.store(5, 8.0).await;
    scene.step(5, "cooking", 0.5).await;
    for (place, ahead) in [(1, 1), (2, 2), (3, 0), (4, 0), (5, 0)] {
        let body = estimate(&scene, place).await;
        assert_eq!((&body["ahead"], &body["basis"]), (&ahead.into(), &"measured".into()), "{place}");
    }
    // One each 27 s.
    let (earliest, latest) = range(&scene, &estimate(&scene, 2).await).await;
    assert!((95.0..105.0).contains(&earliest) && (155.0..170.0).contains(&latest), "{earliest} {latest}");
    let (earliest, latest) = range(&scene, &estimate(&scene, 5).await).await;
    assert!((20.0..31.0).contains(&earliest) && (20.0..31.0).contains(&latest), "{earliest} {latest}");
}

#[tokio::test]
async fn behind_ten_thousand_that_wait_an_order_of_priority_has_none_ahead() {
    let scene = Scene::open().await;
    scene.store_many(10_100).await;
    scene.store(1, 0.0).await;
    scene.store_as(2, 0.0, "takeout", "Jane", 10).await;
    // Of those that were placed before it, the oldest are counted.
    for (place, ahead) in [(1, 10_000), (2, 0)] {
        assert_eq!(estimate(&scene, place).await["ahead"], ahead, "{place}");
    }
}

#[tokio::test]
async fn it_is_never_before_now_and_ends_when_the_order_is_ready() {
    let scene = Scene::open().await;
    scene.store(1, 90.0).await;
    scene.step(1, "cooking", 80.0).await;
    let (earliest, latest) = range(&scene, &estimate(&scene, 1).await).await;
    assert!(earliest >= 0.0 && latest > 0.0, "{earliest} {latest}");
    for status in ["ready", "completed", "cancelled"] {
        scene.step(1, status, 0.0).await;
        let body = estimate(&scene, 1).await;
        assert_eq!(
            (&body["earliest"], &body["latest"], &body["ahead"]),
            (&Value::Null, &Value::Null, &0.into())
        );
        // Whoever opens the tracker now must be told whether to fetch it.
        assert_eq!(body["order_type"], "takeout");
    }
    assert_eq!(scene.ask(&format!("/orders/{}/estimate", number(9)), &[]).await.status, 404);
}
