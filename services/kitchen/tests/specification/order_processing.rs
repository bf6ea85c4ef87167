//! "Order Processing", and the worker's log lines about orders.

use std::time::Duration;

use serde_json::json;
use testkit::{Stage, http, orders};

use crate::observe::{cooked_by, history, order, time_between, until, worker};

#[tokio::test]
async fn an_order_becomes_cooking_and_then_ready() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let number = orders.place(&orders::takeout()).await;
    let placed = order(&database, &number).await;
    let service = stage.kitchen_worker("chef_mario").cooking_seconds(5.0).start().await;

    service.log("order_processing_started").await;
    let cooking = order(&database, &number).await;
    assert_eq!(
        (&cooking["status"], &cooking["processed_by"], &cooking["completed_at"]),
        (&json!("cooking"), &json!("chef_mario"), &json!(null))
    );
    assert!(cooking["updated_at"].as_str() > placed["updated_at"].as_str());
    assert_eq!(worker(&database, "chef_mario").await["orders_processed"], 0);

    service.log("order_completed").await;
    let ready = order(&database, &number).await;
    assert_eq!((&ready["status"], &ready["processed_by"]), (&json!("ready"), &json!("chef_mario")));
    assert_eq!(ready["completed_at"], ready["updated_at"]);
    assert!(ready["updated_at"].as_str() > cooking["updated_at"].as_str());
    assert_eq!(worker(&database, "chef_mario").await["orders_processed"], 1);
    assert_eq!(history(&database, &number).await, cooked_by("chef_mario", "chef_mario"));
    assert_eq!(database.value("select count(*) from order_claims").await, 0);
}

#[tokio::test]
async fn cooking_takes_the_configured_time_of_the_orders_type() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let _service = stage
        .kitchen_worker("chef_anna")
        .arg("--prefetch=3")
        .arg("--concurrency=3")
        .env("KITCHEN_COOKING_SECONDS_DINE_IN", "0.4")
        .env("KITCHEN_COOKING_SECONDS_TAKEOUT", "0.8")
        .env("KITCHEN_COOKING_SECONDS_DELIVERY", "1.2")
        .start()
        .await;
    let types = [(orders::dine_in(), 400), (orders::takeout(), 800), (orders::delivery(), 1_200)];
    let mut placed = Vec::new();
    for (order, milliseconds) in types {
        placed.push((orders.place(&order).await, Duration::from_millis(milliseconds)));
    }
    for (number, time) in placed {
        until(&database, &number, "ready").await;
        let taken = time_between(&database, &number, "cooking", "ready").await;
        // The upper limit leaves room for a busy machine; the defaults are eight seconds and more.
        assert!(taken >= time && taken < Duration::from_secs(8), "{taken:?} instead of {time:?}");
    }
}

#[tokio::test]
async fn every_order_counts_for_the_worker_that_made_it_ready() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let mut numbers = Vec::new();
    for order in [orders::takeout(), orders::dine_in(), orders::delivery()].iter().cycle().take(9) {
        numbers.push(orders.place(order).await);
    }
    let _first = stage.kitchen_worker("chef_1").cooking_seconds(0.1).start().await;
    let _second = stage.kitchen_worker("chef_2").cooking_seconds(0.1).start().await;
    for number in &numbers {
        until(&database, number, "ready").await;
    }
    let by_orders = "select coalesce(json_object_agg(processed_by, count), '{}') from
        (select processed_by, count(*) from orders group by processed_by) counted";
    let by_workers = "select coalesce(json_object_agg(name, orders_processed), '{}') from workers
        where orders_processed > 0";
    assert_eq!(database.value(by_orders).await, database.value(by_workers).await);
    assert_eq!(database.value("select sum(orders_processed) from workers").await, 9);
}

#[tokio::test]
async fn start_and_end_are_logged_under_the_id_of_the_http_request() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let service = stage.kitchen_worker("chef_anna").cooking_seconds(0.2).start().await;
    let headers = [("Content-Type", "application/json"), ("X-Request-ID", "table-12.evening")];
    let body = orders::dine_in().to_string();
    let answer = http::send(orders.port(), "POST", "/orders", &headers, body.as_bytes()).await;
    let number = answer.json()["order_number"].clone();

    let started = service.log("order_processing_started").await;
    let completed = service.log("order_completed").await;
    for line in [&started, &completed] {
        assert_eq!(
            (&line["level"], &line["request_id"]),
            (&json!("DEBUG"), &json!("table-12.evening")),
            "{line}"
        );
        assert_eq!(line["service"], "kitchen-worker");
    }
    assert_eq!(
        started["details"],
        json!({"order_number": number, "order_type": "dine_in", "priority": 1, "attempt": 1})
    );
    assert_eq!(completed["details"], json!({"order_number": number, "order_type": "dine_in"}));
    assert!(completed["duration_ms"].as_u64().unwrap() >= 200, "{completed}");
}
