//! One order through the whole system: four services, two subscribers, one request id.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use serde_json::{Value, json};
use testkit::{Service, Signal, Stage, eventually, http, orders};

const REQUEST_ID: &str = "the-whole-way-1";

/// The actions that a service has logged under the request id.
fn actions(service: &Service) -> Vec<String> {
    let lines = service.log_lines().into_iter().filter(|line| line["request_id"] == REQUEST_ID);
    lines.map(|line| line["action"].as_str().unwrap().to_owned()).collect()
}

async fn ask(tracking: &Service, path: &str) -> Value {
    let answer = http::send(tracking.port(), "GET", path, &[("X-Request-ID", REQUEST_ID)], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn an_order_is_cooked_tracked_and_published_under_one_request_id() {
    let stage = Stage::new().await;
    let tracking = stage.tracking_service().start().await;
    let subscribers = [stage.subscriber().start().await, stage.subscriber().start().await];
    let order_service = stage.order_service().start().await;
    let cook = stage.kitchen_worker("chef_mario").cooking_seconds(4.0).start().await;
    eventually("tracking to be ready", async || (tracking.get("/readyz").await.status == 200).then_some(()))
        .await;

    // Placed.
    let headers = [("Content-Type", "application/json"), ("X-Request-ID", REQUEST_ID)];
    let body = orders::takeout().to_string();
    let answer = http::send(order_service.port(), "POST", "/orders", &headers, body.as_bytes()).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, REQUEST_ID), "{answer:?}");
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();

    // Being cooked.
    let (status_path, history_path) =
        (format!("/orders/{number}/status"), format!("/orders/{number}/history"));
    cook.log("order_processing_started").await;
    // It must not get ready while the test reads it.
    cook.signal(Signal::STOP);
    let cooking = eventually("the order to be cooked", async || {
        Some(ask(&tracking, &status_path).await).filter(|status| status["current_status"] == "cooking")
    })
    .await;
    assert_eq!(cooking["processed_by"], "chef_mario");
    let history = ask(&tracking, &history_path).await;
    assert_eq!(cooking["updated_at"], history[1]["timestamp"]);
    let seconds = stage
        .database()
        .await
        .value(&format!(
            "select extract(epoch from timestamptz '{}' - timestamptz '{}')::int",
            cooking["estimated_completion"].as_str().unwrap(),
            cooking["updated_at"].as_str().unwrap()
        ))
        .await;
    assert_eq!(seconds, 4, "{cooking}");
    cook.signal(Signal::CONT);

    // Ready.
    cook.log("order_completed").await;
    let ready = ask(&tracking, &status_path).await;
    assert_eq!((&ready["current_status"], &ready["estimated_completion"]), (&json!("ready"), &json!(null)));
    let history = ask(&tracking, &history_path).await;
    let steps: Vec<_> =
        history.as_array().unwrap().iter().map(|step| (&step["status"], &step["changed_by"])).collect();
    assert_eq!(
        steps,
        [
            (&json!("received"), &json!("order-service")),
            (&json!("cooking"), &json!("chef_mario")),
            (&json!("ready"), &json!("chef_mario")),
        ]
    );
    let workers = ask(&tracking, "/workers/status").await;
    assert_eq!(
        (&workers[0]["worker_name"], &workers[0]["orders_processed"]),
        (&json!("chef_mario"), &json!(1))
    );

    // Published, to both.
    for subscriber in &subscribers {
        subscriber.logs("notification_received", 2).await;
        assert_eq!(
            subscriber.console(),
            [
                format!(
                    "Notification for order {number}: Status changed from 'received' to 'cooking' by chef_mario."
                ),
                format!(
                    "Notification for order {number}: Status changed from 'cooking' to 'ready' by chef_mario."
                ),
            ]
        );
    }

    // One id throughout.
    assert!(
        actions(&order_service).starts_with(&["order_received".to_owned(), "order_published".to_owned()])
    );
    assert_eq!(actions(&cook), ["order_processing_started", "order_completed"]);
    assert!(actions(&tracking).iter().all(|action| action == "request_received"));
    for subscriber in &subscribers {
        assert_eq!(actions(subscriber), ["notification_received", "notification_received"]);
    }
    for service in [&order_service, &cook, &tracking, &subscribers[0], &subscribers[1]] {
        assert!(!actions(service).is_empty());
        assert!(service.log_lines().iter().all(|line| line["level"] != "ERROR"), "{:?}", service.log_lines());
    }
}
