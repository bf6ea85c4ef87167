//! "Logs", and the "Logging Format" of all services: one JSON object a line, its
//! fields in this order.

use serde_json::{Map, Value, json};
use testkit::http::{Answer, send};
use testkit::orders::{delivery, takeout, with};
use testkit::{Service, Stage};

async fn post(service: &Service, id: &str, body: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Request-ID", id)];
    send(service.port(), "POST", "/orders", &headers, body.as_bytes()).await
}

/// The only line of an action, to the letter, but for the time and the host's name.
async fn line(service: &Service, action: &str) -> String {
    service.log(action).await;
    let lines = service.raw_lines();
    let own: Vec<_> =
        lines.iter().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).collect();
    let [raw] = own[..] else { panic!("not one {action}: {own:?}") };
    let line: Value = serde_json::from_str(raw).unwrap();
    let (timestamp, hostname) = (line["timestamp"].as_str().unwrap(), line["hostname"].as_str().unwrap());
    raw.replacen(timestamp, "NOW", 1).replacen(hostname, "HOST", 1)
}

/// The line as it should be.
fn expected(level: &str, id: &str, tail: &str) -> String {
    format!(
        r#"{{"timestamp":"NOW","level":"{level}","service":"order-service","hostname":"HOST","request_id":"{id}",{tail}}}"#
    )
}

#[tokio::test]
async fn order_received_and_order_published() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = post(&service, "log-1", &delivery().to_string()).await;
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();
    let received = r#""action":"order_received","message":"Received an order of 37.98","details":{"order_type":"delivery","items":1,"total_amount":37.98,"priority":1}"#;
    assert_eq!(line(&service, "order_received").await, expected("DEBUG", "log-1", received));
    let published = format!(
        r#""action":"order_published","message":"Sent order {number} to the kitchen","details":{{"order_number":"{number}","routing_key":"kitchen.delivery.1"}}"#
    );
    assert_eq!(line(&service, "order_published").await, expected("DEBUG", "log-1", &published));
}

#[tokio::test]
async fn validation_failed_with_every_violation() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = with(takeout(), "/customer_name", json!("J\n{\"level\":\"INFO\"}"));
    let order = with(order, "/items/0/quantity", json!(0));
    post(&service, "log-2", &order.to_string()).await;
    let refused = r#""action":"validation_failed","message":"The order was refused","details":{"violations":[{"pointer":"/customer_name","detail":"must contain only letters, digits, spaces, hyphens and apostrophes, found '\\n'"},{"pointer":"/items/0/quantity","detail":"must be an integer between 1 and 10"}]},"error":{"msg":"the order breaks 2 rules","stack":"the order breaks 2 rules"}"#;
    assert_eq!(line(&service, "validation_failed").await, expected("ERROR", "log-2", refused));
    assert!(service.logged("order_received").is_empty());
}

#[tokio::test]
async fn validation_failed_for_a_body_that_cannot_be_read() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    post(&service, "log-3", "{").await;
    let msg =
        "the body is not a JSON object that can be read: EOF while parsing an object at line 1 column 1";
    let refused = format!(
        r#""action":"validation_failed","message":"The order was refused","error":{{"msg":"{msg}","stack":"{msg}"}}"#
    );
    assert_eq!(line(&service, "validation_failed").await, expected("ERROR", "log-3", &refused));
}

#[tokio::test]
async fn db_transaction_failed_with_the_cause() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    stage.database().await.execute("alter table orders add check (customer_name <> 'Jane Doe')").await;
    post(&service, "log-4", &takeout().to_string()).await;
    let line = line(&service, "db_transaction_failed").await;
    let head = r#""action":"db_transaction_failed","message":"The order could not be stored","error":{"msg":"PostgreSQL reported an error","stack":"PostgreSQL reported an error\ncaused by: "#;
    let expected = expected("ERROR", "log-4", head);
    assert!(line.starts_with(expected.trim_end_matches('}')), "{line}");
    assert!(line.contains("violates check constraint"), "{line}");
}

#[tokio::test]
async fn rabbitmq_publish_failed_with_the_cause() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    for queue in ["kitchen_takeout_queue", "kitchen_queue"] {
        broker.delete(queue).await;
    }
    post(&service, "log-5", &takeout().to_string()).await;
    let number = stage.database().await.value("select number from orders").await;
    let number = number.as_str().unwrap();
    let msg = "RabbitMQ has no queue for the message: NO_ROUTE";
    let failed = format!(
        r#""action":"rabbitmq_publish_failed","message":"Order {number} was not confirmed by RabbitMQ","details":{{"order_number":"{number}"}},"error":{{"msg":"{msg}","stack":"{msg}"}}"#
    );
    assert_eq!(line(&service, "rabbitmq_publish_failed").await, expected("ERROR", "log-5", &failed));
}

#[tokio::test]
async fn every_line_has_the_mandatory_fields_in_order_and_an_error_its_cause() {
    const FIELDS: [&str; 10] = [
        "timestamp",
        "level",
        "service",
        "hostname",
        "request_id",
        "action",
        "message",
        "details",
        "duration_ms",
        "error",
    ];
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let mut service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    post(&service, "log-6", &takeout().to_string()).await;
    post(&service, "log-7", "{}").await;
    proxy.cut();
    service.until_status("/readyz", 503).await;
    post(&service, "log-8", &takeout().to_string()).await;
    service.stop().await;
    let lines = service.raw_lines();
    assert!(lines.len() >= 7, "{lines:?}");
    for raw in lines {
        let line: Map<String, Value> = serde_json::from_str(&raw).unwrap();
        let optional = |field: &&str| line.contains_key(*field) || FIELDS[..7].contains(field);
        assert!(line.keys().eq(FIELDS.iter().filter(|field| optional(field))), "{raw}");
        let text = |field: &str| line[field].as_str().unwrap_or_else(|| panic!("no {field}: {raw}"));
        assert!(FIELDS[..7].iter().all(|field| !text(field).is_empty()), "{raw}");
        assert!(["INFO", "DEBUG", "ERROR"].contains(&text("level")), "{raw}");
        assert_eq!(text("level") == "ERROR", line.contains_key("error"), "{raw}");
        if let Some(error) = line.get("error") {
            assert!(error["msg"].is_string() && error["stack"].is_string(), "{raw}");
        }
        let timestamp = text("timestamp").replace(|digit: char| digit.is_ascii_digit(), "0");
        assert_eq!(timestamp, "0000-00-00T00:00:00.000Z", "{raw}");
    }
}

#[tokio::test]
async fn lines_below_the_configured_level_are_not_written() {
    let stage = Stage::new().await;
    for (level, expected) in [("debug", "DEBUG,ERROR,INFO"), ("info", "ERROR,INFO")] {
        let mut service = stage.order_service().env("LOG_LEVEL", level).start().await;
        service.place(&takeout()).await;
        post(&service, "log-9", "{}").await;
        service.stop().await;
        let lines = service.log_lines();
        let levels: std::collections::BTreeSet<_> =
            lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
        assert_eq!(Vec::from_iter(levels).join(","), expected);
    }
}

#[tokio::test]
async fn what_comes_from_outside_is_cut_in_every_line_and_every_answer() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    // Such a head is too large; one with the other number is not.
    let (huge, long) = ("A".repeat(60_000), "A".repeat(4_000));
    let media_type = format!("text/{}", "x".repeat(4_000));
    let known = service.raw_lines().concat().len();
    for (method, path, headers) in [
        ("POST", format!("/orders/{huge}/cancel"), vec![]),
        ("POST", format!("/orders/{long}/cancel"), vec![]),
        ("POST", format!("/{long}"), vec![]),
        ("GET", format!("/orders?{long}"), vec![]),
        ("POST", "/orders".to_owned(), vec![("Content-Type", media_type.as_str())]),
        (
            "POST",
            "/orders".to_owned(),
            vec![("Content-Type", "application/json"), ("X-Request-ID", media_type.as_str())],
        ),
    ] {
        let answer = send(service.port(), method, &path, &headers, b"{}").await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(answer.body.len() < 2_000, "{} bytes are answered", answer.body.len());
    }
    // Lines come in their order: with this one, all before it are there.
    post(&service, "last", "{").await;
    service.log_where("the last line", |line| line["request_id"] == "last").await;
    let lines = service.raw_lines();
    let longest = lines.iter().max_by_key(|line| line.len()).unwrap();
    assert!(longest.len() < 2_000, "{longest}");
    assert!(lines.concat().len() - known < 6_000);
    let refused = service.log_where("the order's number", |line| line.to_string().contains("AAAA")).await;
    assert!(refused["details"]["order_number"].as_str().unwrap().ends_with("A… (3500 more)"), "{refused}");
}
