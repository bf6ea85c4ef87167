//! `GET /orders`, for the staff.

use serde_json::{Value, json};

use crate::scene::{Scene, number};

async fn listed(scene: &Scene, query: &str) -> (Vec<String>, Option<String>) {
    let answer = scene.ask_as_staff(&format!("/orders{query}")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{query}: {answer:?}");
    let body = answer.json();
    let numbers = body["orders"].as_array().unwrap().iter();
    let numbers = numbers.map(|order| order["order_number"].as_str().unwrap().to_owned()).collect();
    (numbers, body["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn an_order_has_its_items_and_times() {
    let scene = Scene::open().await;
    scene.store(1, 10.0).await;
    scene.step(1, "cooking", 5.0).await;
    let answer = scene.ask_as_staff("/orders").await;
    let mut body = answer.json();
    assert_eq!(body["next_cursor"], Value::Null);
    let order = body["orders"][0].as_object_mut().unwrap();
    let times = order.remove("times").unwrap();
    let (created, updated) = (order.remove("created_at").unwrap(), order.remove("updated_at").unwrap());
    assert_eq!(times, json!({ "received": created, "cooking": updated }));
    assert_eq!(
        Value::Object(order.clone()),
        json!({
            "order_number": number(1), "order_type": "takeout", "status": "cooking",
            "customer_name": "Jane Doe", "table_number": null, "delivery_address": null,
            "items": [{ "name": "Pho bo", "quantity": 2, "price": 12.49 }],
            "total_amount": 24.98, "priority": 1, "processed_by": null
        })
    );
}

#[tokio::test]
async fn each_filter_leaves_out_what_does_not_fit() {
    let scene = Scene::open().await;
    scene.store_as(1, 3_000.0, "delivery", "Zoë Ångström", 1).await;
    scene.store_as(2, 1_500.0, "dine_in", "Jane", 1).await;
    scene.store_as(3, 20.0, "takeout", "100% Jane_", 1).await;
    scene.step(3, "cooking", 1.0).await;
    for (query, places) in [
        ("", &[3, 2, 1][..]),
        ("?status=cooking", &[3]),
        ("?status=received,ready", &[2, 1]),
        ("?status=received&status=cooking&type=takeout,dine_in", &[3, 2]),
        ("?type=delivery", &[1]),
        ("?text=zo%C3%AB", &[1]),
        ("?text=JANE", &[3, 2]),
        ("?text=%25", &[3]),
        ("?text=jane_", &[3]),
        ("?text=1216_002", &[2]),
        ("?text=nobody", &[]),
        ("?status=ready", &[]),
    ] {
        let expected: Vec<_> = places.iter().map(|place| number(*place)).collect();
        assert_eq!(listed(&scene, query).await, (expected, None), "{query}");
    }
    let since =
        "select to_char((now() - interval '30 hours') at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let since = scene.database.value(since).await;
    let since = since.as_str().unwrap();
    assert_eq!(listed(&scene, &format!("?since={since}")).await.0, [number(3), number(2)]);
    assert_eq!(listed(&scene, &format!("?until={since}")).await.0, [number(1)]);
    assert_eq!(listed(&scene, "?until=2100-01-01T00:00:00Z").await.0, [number(3), number(2), number(1)]);
    assert_eq!(listed(&scene, "?until=2000-01-01T00:00:00Z").await.0, Vec::<String>::new());
}

/// A day has an end, whatever came after it, and where orders of two days commit at the same time.
#[tokio::test]
async fn a_day_of_many_is_listed_alone_and_whole() {
    let scene = Scene::open().await;
    let day = "insert into orders (number, customer_name, type, total_amount, created_at)
               select 'ORD_202411' || day || '_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1,
                      ('2024-11-' || day || 'T12:00:00Z')::timestamptz + n * interval '1 second'
               from (values ($day)) as one (day), generate_series(1, $count) as n";
    for (day_of_month, count) in [("14", 5), ("15", 7), ("16", 3_000)] {
        let sql = day.replace("$day", &format!("'{day_of_month}'")).replace("$count", &count.to_string());
        scene.database.execute(&sql).await;
    }
    // Placed on the 15th, and committed after the first of the 16th.
    let late = "update orders set created_at = '2024-11-15T23:59:59.9Z' where number = 'ORD_20241116_004'";
    scene.database.execute(late).await;
    let query = "?since=2024-11-15T00:00:00Z&until=2024-11-16T00:00:00Z&limit=4";
    let (mut numbers, mut next) = listed(&scene, query).await;
    while let Some(cursor) = next {
        let (more, after) = listed(&scene, &format!("{query}&cursor={cursor}")).await;
        numbers.extend(more);
        next = after;
    }
    let expected = (1..=7).rev().map(|n| format!("ORD_20241115_{n:03}"));
    let expected: Vec<_> = ["ORD_20241116_004".to_owned()].into_iter().chain(expected).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn pages_follow_each_other_whatever_comes_meanwhile() {
    let scene = Scene::open().await;
    for place in 1..=7 {
        scene.store(place, 10.0).await;
    }
    let mut all = Vec::new();
    let mut query = "?limit=3".to_owned();
    for round in 0.. {
        let (numbers, next) = listed(&scene, &query).await;
        all.extend(numbers);
        // New orders, and changes of old ones, move nothing.
        scene.store(100 + round, 0.0).await;
        scene.step(1, "cooking", 0.0).await;
        match next {
            Some(cursor) => query = format!("?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(all, (1..=7).rev().map(number).collect::<Vec<_>>());
    assert_eq!(listed(&scene, "?limit=7&text=1216_00").await.1, None, "a full last page is the last one");
}

#[tokio::test]
async fn a_rare_order_is_found_behind_many_others() {
    let scene = Scene::open().await;
    scene.store_as(1, 3_000.0, "takeout", "Methuselah", 1).await;
    let many = "insert into orders (number, customer_name, type, total_amount)
                select 'ORD_20241217_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1 from generate_series(1, 45000) as n";
    scene.database.execute(many).await;
    let mut pages = 0;
    let mut query = "?text=methuselah".to_owned();
    let found = loop {
        let (numbers, next) = listed(&scene, &query).await;
        pages += 1;
        if !numbers.is_empty() {
            break numbers;
        }
        query = format!("?text=methuselah&cursor={}", next.expect("more to look through"));
    };
    assert_eq!((found, pages), (vec![number(1)], 3));
}

#[tokio::test]
async fn what_is_wrong_with_parameters_is_said() {
    let scene = Scene::open().await;
    let answer = scene.ask_as_staff("/orders?status=raw&limit=1000&sort=asc").await;
    assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"));
    let errors = answer.json()["errors"].clone();
    let parameters: Vec<_> =
        errors.as_array().unwrap().iter().map(|error| error["parameter"].clone()).collect();
    assert_eq!(parameters, ["status", "limit", "sort"], "{errors}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("limit must be a number from 1 to 100"));
}

#[tokio::test]
async fn it_is_the_staff_s() {
    let scene = Scene::open().await;
    assert_eq!(scene.ask("/orders", &[]).await.status, 401);
    let wrong = scene.ask("/orders", &[("Authorization", "Bearer not-the-key")]).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    let head =
        testkit::http::send(scene.service.port(), "HEAD", "/orders", &[crate::scene::STAFF], b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
