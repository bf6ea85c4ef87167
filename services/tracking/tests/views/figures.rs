//! `GET /staff/figures`, for the staff.

use serde_json::{Value, json};

use crate::scene::Scene;

async fn figures(scene: &Scene) -> Value {
    let answer = scene.ask_as_staff("/staff/figures").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    answer.json()
}

fn sum(minutes: &Value, name: &str) -> u64 {
    minutes.as_array().unwrap().iter().map(|minute| minute[name].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn the_last_hour_is_counted_by_minutes() {
    let scene = Scene::open().await;
    let nothing = figures(&scene).await;
    assert_eq!(nothing["minutes"].as_array().unwrap().len(), 61);
    scene.store(1, 30.0).await;
    scene.store(2, 30.0).await;
    scene.store(3, 75.0).await;
    scene.step(1, "cooking", 20.0).await;
    scene.step(1, "ready", 10.0).await;
    scene.step(2, "cancelled", 5.0).await;
    let figures = figures(&scene).await;
    let minutes = &figures["minutes"];
    let counts = ["placed", "ready", "cancelled"].map(|name| sum(minutes, name));
    assert_eq!(counts, [2, 1, 1], "the third one is too old");
    let busy: Vec<_> = minutes.as_array().unwrap().iter().filter(|each| each["placed"] == 2).collect();
    assert_eq!(busy.len(), 1, "{minutes}");
    let starts: Vec<_> =
        minutes.as_array().unwrap().iter().map(|each| each["start"].as_str().unwrap()).collect();
    assert!(starts.is_sorted() && starts.iter().all(|start| start.ends_with(":00.000Z")), "{starts:?}");
}

#[tokio::test]
async fn what_is_open_is_counted_by_type_and_so_is_who_cooks_it() {
    let scene = Scene::open().await;
    scene.store_as(1, 9.0, "dine_in", "Zoë", 1).await;
    scene.store_as(2, 4.0, "dine_in", "Jane", 1).await;
    scene.store_as(3, 3.0, "takeout", "Jane", 1).await;
    scene.step(3, "cooking", 2.0).await;
    scene
        .database
        .execute(
            "insert into workers (name, type, last_seen) values
                 ('anna', 'dine_in,takeout', now()), ('all', 'general', now()), ('gone', 'general', now() - interval '10 minutes'),
                 ('off', 'general', now());
             update workers set status = 'offline' where name = 'off'",
        )
        .await;
    let figures = figures(&scene).await;
    let types = figures["types"].as_array().unwrap().iter().map(|each| {
        (each["order_type"].clone(), each["waiting"].clone(), each["cooking"].clone(), each["cooks"].clone())
    });
    let types: Vec<_> = types.collect();
    let expected = [("dine_in", 2, 0, 2), ("takeout", 0, 1, 2), ("delivery", 0, 0, 1)];
    let expected: Vec<_> = expected.map(|(name, a, b, c)| (json!(name), json!(a), json!(b), json!(c))).into();
    assert_eq!(types, expected);
    assert!(
        figures["types"][0]["oldest_waiting"].is_string() && figures["types"][2]["oldest_waiting"].is_null()
    );
    let workers = figures["workers"].as_array().unwrap();
    let shown: Vec<_> = workers
        .iter()
        .map(|each| (each["worker_name"].as_str().unwrap(), each["status"].as_str().unwrap()))
        .collect();
    assert_eq!(&shown[2..], [("off", "offline"), ("gone", "offline")], "those that live come first");
    assert_eq!(
        workers.iter().find(|each| each["worker_name"] == "anna").unwrap()["order_types"],
        json!(["dine_in", "takeout"])
    );
    assert_eq!(
        workers.iter().find(|each| each["worker_name"] == "all").unwrap()["order_types"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn the_time_in_each_status_is_that_of_orders_that_left_it() {
    let scene = Scene::open().await;
    for (place, waited, cooked) in [(1, 10.0, 4.0), (2, 20.0, 6.0), (3, 30.0, 8.0)] {
        scene.store(place, waited + cooked + 1.0).await;
        scene.step(place, "cooking", cooked + 1.0).await;
        scene.step(place, "ready", 1.0).await;
    }
    let figures = figures(&scene).await;
    let whole: Vec<_> = figures["time_in_status"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|each| each["start"].is_null())
        .cloned()
        .collect();
    assert_eq!(
        whole,
        [
            json!({"status": "cooking", "start": null, "orders": 3, "median_seconds": 360, "p90_seconds": 456}),
            json!({"status": "received", "start": null, "orders": 3, "median_seconds": 1200, "p90_seconds": 1680}),
        ]
    );
    let parts = figures["time_in_status"].as_array().unwrap().len() - whole.len();
    assert!(parts >= 2, "{figures}");
}

#[tokio::test]
async fn they_are_the_staff_s() {
    let scene = Scene::open().await;
    assert_eq!(scene.ask("/staff/figures", &[]).await.status, 401);
    assert_eq!(scene.ask("/staff/figures", &[("Authorization", "Bearer wrong")]).await.status, 403);
}
