//! `GET /staff/figures`, for the staff.

use serde_json::{Value, json};

use crate::scene::Scene;

async fn asked(scene: &Scene) -> Value {
    let answer = scene.ask_as_staff("/staff/figures").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    answer.json()
}

/// The figures as of now or later. What is told may have been read a second ago.
async fn figures(scene: &Scene) -> Value {
    let now = "select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
    let now = scene.database.value(now).await;
    testkit::eventually("figures as of now", async || {
        let figures = asked(scene).await;
        (figures["as_of"].as_str() >= now.as_str()).then_some(figures)
    })
    .await
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
    // Both were placed half an hour ago, one after the other: in one minute, or in two.
    let busy: Vec<_> = (0..61_usize).filter(|place| minutes[place]["placed"] != 0).collect();
    assert!(matches!(busy[..], [first, last] if last == first + 1) || busy.len() == 1, "{minutes}");
    assert!((29..=31).contains(&busy[0]), "{minutes}");
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
    let expected = [("cooking", 360, 456), ("received", 1_200, 1_680)];
    assert_eq!(whole.len(), expected.len(), "{figures}");
    for (stay, (status, median, p90)) in whole.iter().zip(expected) {
        assert_eq!((&stay["status"], &stay["orders"]), (&json!(status), &json!(3)), "{stay}");
        // The steps were written one after the other.
        for (name, seconds) in [("median_seconds", median), ("p90_seconds", p90)] {
            let found = stay[name].as_u64().unwrap();
            assert!((seconds..seconds + 10).contains(&found), "{name} of {stay}");
        }
    }
    // The parts say the same, each of five whole minutes of the last hour.
    let as_of = seconds(&figures["as_of"]);
    for status in ["cooking", "received"] {
        let parts: Vec<_> = figures["time_in_status"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|each| each["status"] == status && !each["start"].is_null())
            .collect();
        let orders: u64 = parts.iter().map(|part| part["orders"].as_u64().unwrap()).sum();
        assert_eq!(orders, 3, "{parts:?}");
        let starts: Vec<_> = parts.iter().map(|part| seconds(&part["start"])).collect();
        assert!(starts.is_sorted_by(|one, other| one < other), "{parts:?}");
        assert!(starts.iter().all(|start| start % 300 == 0 && as_of - start < 900), "{as_of} {starts:?}");
    }
}

/// Seconds since the epoch of a timestamp of an answer.
fn seconds(timestamp: &Value) -> i64 {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(timestamp.as_str().unwrap(), format).unwrap().unix_timestamp()
}

/// The database is asked once a second, however many pages are open.
#[tokio::test]
async fn many_pages_cost_one_read() {
    let scene = Scene::open().await;
    let pages = futures_util::future::join_all((0..20).map(|_| asked(&scene))).await;
    let moments: std::collections::BTreeSet<_> =
        pages.iter().map(|figures| figures["as_of"].as_str().unwrap()).collect();
    assert!(moments.len() <= 2, "{moments:?}");
}

#[tokio::test]
async fn they_are_the_staff_s() {
    let scene = Scene::open().await;
    assert_eq!(scene.ask("/staff/figures", &[]).await.status, 401);
    assert_eq!(scene.ask("/staff/figures", &[("Authorization", "Bearer wrong")]).await.status, 403);
}
