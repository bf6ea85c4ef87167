//! "`request_id`: Correlation ID for tracing a single operation across multiple services."

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use testkit::{Service, Stage};

use crate::refusal::{problem, violations};

async fn post(service: &Service, id: &str, body: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Request-ID", id)];
    send(service.port(), "POST", "/orders", &headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_sane_id_goes_from_the_client_to_answer_log_and_message() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    for id in ["a", "req-a1b2c3d4", "550e8400-e29b-41d4-a716-446655440000", "A.b_c-9", &"x".repeat(128)] {
        let answer = post(&service, id, &takeout().to_string()).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (200, id));
        let message = broker.take("kitchen_takeout_queue").await;
        assert_eq!(message.properties.correlation_id().map(String::as_str), Some(id));
        let own = |line: &Value| line["request_id"] == id;
        service.log_where("its publication", |line| own(line) && line["action"] == "order_published").await;
        let actions: Vec<_> =
            service.log_lines().into_iter().filter(own).map(|line| line["action"].clone()).collect();
        assert_eq!(actions, ["order_received", "order_published"]);
    }
}

#[tokio::test]
async fn a_refusal_is_logged_under_the_id_that_the_client_reads() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = post(&service, "mine-1", "{}").await;
    violations(&answer);
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(service.log("validation_failed").await["request_id"], "mine-1");

    stage.database().await.execute("drop table order_outbox").await;
    let answer = post(&service, "mine-2", &takeout().to_string()).await;
    assert_eq!(problem(&answer, 500)["request_id"], "mine-2");
    assert_eq!(service.log("db_transaction_failed").await["request_id"], "mine-2");
}

#[tokio::test]
async fn any_other_id_is_replaced_by_a_new_one() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let mut made = BTreeSet::new();
    let others = [
        "",
        " ",
        "a b",
        "a\"b",
        "é",
        "{}",
        "\u{1b}[31m",
        "a/b",
        "a;b",
        &"x".repeat(129),
        // Ids that programs make by themselves.
        "sweep-1",
        "Sweep-1",
        "startup-001",
        "message-1",
        "unknown",
    ];
    for id in others {
        let answer = post(&service, id, &takeout().to_string()).await;
        // What is no header at all for HTTP is refused as such.
        if id.contains('\u{1b}') {
            assert!(matches!(answer.status, 200 | 400), "{answer:?}");
            continue;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        made.insert(answer.header("x-request-id").to_owned());
    }
    assert_eq!(made.len(), others.len() - 1, "{made:?}");
    let sane = |id: &String| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(made.iter().all(sane), "{made:?}");
}

#[tokio::test]
async fn every_answer_carries_an_id() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (method, path) in [("GET", "/health"), ("GET", "/livez"), ("GET", "/nowhere"), ("PUT", "/orders")] {
        let answer = send(service.port(), method, path, &[("X-Request-ID", "probe-7")], b"").await;
        assert_eq!(answer.header("x-request-id"), "probe-7", "{method} {path}");
    }
}
