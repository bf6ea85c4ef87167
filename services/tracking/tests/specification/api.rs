//! "API": the three bodies, byte for byte (times with milliseconds).

use testkit::Service;

use crate::records::{NUMBER, claim, log, open, store};

async fn body(service: &Service, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
    answer.body
}

#[tokio::test]
async fn the_status_of_an_order_is_the_body_of_the_specification() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "cooking", "'chef_mario'").await;
    claim(&database, NUMBER).await;
    assert_eq!(
        body(&service, "/orders/ORD_20241216_001/status").await,
        r#"{"order_number":"ORD_20241216_001","current_status":"cooking","updated_at":"2024-12-16T10:32:00.000Z","estimated_completion":"2024-12-16T10:42:00.000Z","processed_by":"chef_mario"}"#
    );
}

#[tokio::test]
async fn every_status_is_shown_and_unknown_values_are_null() {
    let (_stage, database, service) = open().await;
    let cook = "chef_mario";
    for (place, status, processed_by) in [
        (1, "received", None),
        (2, "cooking", Some(cook)),
        (3, "ready", Some(cook)),
        (4, "completed", Some(cook)),
        (5, "cancelled", None),
        (6, "cancelled", Some(cook)),
    ] {
        let number = format!("ORD_20241216_{place:03}");
        let cook = processed_by.map_or("null".to_owned(), |cook| format!("'{cook}'"));
        store(&database, &number, status, &cook).await;
        if status != "received" {
            // Only a cooking order has an estimate, whatever an old claim says.
            claim(&database, &number).await;
        }
        let estimate = if status == "cooking" { "\"2024-12-16T10:42:00.000Z\"" } else { "null" };
        let cook = cook.replace('\'', "\"");
        assert_eq!(
            body(&service, &format!("/orders/{number}/status")).await,
            format!(
                r#"{{"order_number":"{number}","current_status":"{status}","updated_at":"2024-12-16T10:32:00.000Z","estimated_completion":{estimate},"processed_by":{cook}}}"#
            )
        );
    }
}

#[tokio::test]
async fn a_number_of_more_than_three_digits_is_found() {
    let (_stage, database, service) = open().await;
    store(&database, "ORD_20241216_1000", "received", "null").await;
    let answer = service.get("/orders/ORD_20241216_1000/status").await;
    assert_eq!(answer.json()["order_number"], "ORD_20241216_1000");
}

#[tokio::test]
async fn the_history_of_an_order_is_the_body_of_the_specification() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "cooking", "'chef_mario'").await;
    log(&database, NUMBER, "received", "order-service", "2024-12-16 10:30:00Z").await;
    log(&database, NUMBER, "cooking", "chef_mario", "2024-12-16 10:32:00Z").await;
    // Another order's history is not part of it.
    store(&database, "ORD_20241216_002", "received", "null").await;
    log(&database, "ORD_20241216_002", "received", "order-service", "2024-12-16 10:31:00Z").await;
    assert_eq!(
        body(&service, "/orders/ORD_20241216_001/history").await,
        r#"[{"status":"received","timestamp":"2024-12-16T10:30:00.000Z","changed_by":"order-service"},{"status":"cooking","timestamp":"2024-12-16T10:32:00.000Z","changed_by":"chef_mario"}]"#
    );
}

#[tokio::test]
async fn the_complete_lifecycle_is_shown_in_sequence() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "completed", "'chef_mario'").await;
    // Two steps at the same moment keep their sequence too.
    for (status, minute) in [("received", 30), ("cooking", 32), ("ready", 42), ("completed", 42)] {
        log(&database, NUMBER, status, "someone", &format!("2024-12-16 10:{minute}:00Z")).await;
    }
    let history = service.get("/orders/ORD_20241216_001/history").await.json();
    let statuses: Vec<_> = history.as_array().unwrap().iter().map(|step| step["status"].clone()).collect();
    assert_eq!(statuses, ["received", "cooking", "ready", "completed"]);
}

#[tokio::test]
async fn times_are_utc_with_milliseconds_wherever_they_were_written() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    log(&database, NUMBER, "received", "order-service", "2024-12-17 00:29:59.123999+14").await;
    let history = service.get("/orders/ORD_20241216_001/history").await.json();
    assert_eq!(history[0]["timestamp"], "2024-12-16T10:29:59.123Z");
}

#[tokio::test]
async fn the_status_of_all_workers_is_the_body_of_the_specification() {
    let (_stage, database, service) = open().await;
    assert_eq!(body(&service, "/workers/status").await, "[]", "nobody ever worked here");
    database
        .execute(
            "insert into workers (name, type, status, orders_processed, last_seen) values
             ('chef_mario', 'general', 'online', 5, now()),
             ('chef_luigi', 'dine_in', 'offline', 3, '2024-12-16 10:30:01Z')",
        )
        .await;
    let seen = "select to_char(last_seen at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
                from workers where name = 'chef_mario'";
    let seen = database.value(seen).await;
    assert_eq!(
        body(&service, "/workers/status").await,
        format!(
            r#"[{{"worker_name":"chef_luigi","status":"offline","orders_processed":3,"last_seen":"2024-12-16T10:30:01.000Z"}},{{"worker_name":"chef_mario","status":"online","orders_processed":5,"last_seen":{seen}}}]"#
        )
    );
}
