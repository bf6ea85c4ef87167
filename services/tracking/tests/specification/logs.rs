//! "Logs": every line of the table. (`db_query_failed` is tested in `error_handling.rs`.)

use serde_json::json;
use testkit::http;

use crate::records::open;

#[tokio::test]
async fn service_started_is_logged_on_startup() {
    let (_stage, _database, service) = open().await;
    let line = service.log("service_started").await;
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["service"], "tracking-service");
    assert_eq!(line["request_id"], "startup-001");
    assert_eq!(line["message"], format!("Tracking Service started on port {}", service.port()));
    assert_eq!(line["details"], json!({"port": service.port()}));
    assert_eq!(service.logged("service_started").len(), 1);
    let connected = service.log("db_connected").await;
    assert_eq!(
        (&connected["level"], &connected["message"]),
        (&json!("INFO"), &json!("Connected to PostgreSQL database"))
    );
}

#[tokio::test]
async fn request_received_has_endpoint_and_parameters() {
    let (_stage, _database, service) = open().await;
    for (path, details) in [
        (
            "/orders/ORD_20241216_001/status",
            json!({"endpoint": "/orders/{order_number}/status", "order_number": "ORD_20241216_001"}),
        ),
        (
            "/orders/ORD_20241216_002/history",
            json!({"endpoint": "/orders/{order_number}/history", "order_number": "ORD_20241216_002"}),
        ),
        ("/workers/status", json!({"endpoint": "/workers/status"})),
    ] {
        let answer = service.get(path).await;
        let id = answer.header("x-request-id");
        let line = service.log_where(path, |line| line["request_id"] == *id).await;
        assert_eq!(line["level"], "DEBUG");
        assert_eq!(line["action"], "request_received");
        assert_eq!(line["message"], format!("GET {path}"));
        assert_eq!(line["details"], details);
    }
    assert_eq!(service.logged("request_received").len(), 3);
}

#[tokio::test]
async fn a_safe_request_id_is_accepted_and_another_is_replaced() {
    let (_stage, _database, service) = open().await;
    let too_long = "x".repeat(129);
    for (given, taken_over) in
        [("req-a1b2c3d4", true), ("", false), ("a b", false), ("a\"}\u{9b}", false), (&too_long, false)]
    {
        let headers = [("X-Request-ID", given)];
        let answer = http::send(service.port(), "GET", "/workers/status", &headers, b"").await;
        let id = answer.header("x-request-id");
        assert_eq!(id == given, taken_over, "{given:?} became {id:?}");
        service.log_where(id, |line| line["request_id"] == *id).await;
    }
}

#[tokio::test]
async fn every_line_has_the_mandatory_fields_in_their_order() {
    let (_stage, database, service) = open().await;
    service.get("/workers/status").await;
    database.execute("drop table workers cascade").await;
    service.get("/workers/status").await;
    service.log("db_query_failed").await;
    for line in service.log_lines() {
        let fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            fields[..7],
            ["timestamp", "level", "service", "hostname", "request_id", "action", "message"],
            "{line}"
        );
        assert_eq!(line["level"] == "ERROR", fields.contains(&"error"), "{line}");
    }
}

#[tokio::test]
async fn a_higher_log_level_omits_the_requests() {
    let (stage, _database, _service) = open().await;
    let mut service = stage.tracking_service().env("LOG_LEVEL", "info").ready_when_probed().start().await;
    service.get("/workers/status").await;
    assert_eq!(service.stop().await, Some(0));
    assert!(service.logged("request_received").is_empty());
}

#[tokio::test]
async fn client_data_is_cut_in_every_line_and_every_answer() {
    let (_stage, _database, service) = open().await;
    let long = "A".repeat(60_000);
    for path in
        [format!("/orders/{long}/status"), format!("/{long}"), format!("/orders/{long}/history?{long}")]
    {
        let answer = service.get(&path).await;
        assert!((400..500).contains(&answer.status) && answer.body.len() < 1_000, "{answer:?}");
    }
    service.get("/workers/status").await;
    service.log_where("the last line", |line| line["details"]["endpoint"] == "/workers/status").await;
    for line in service.raw_lines() {
        assert!(line.len() < 1_000, "{line}");
    }
}
