//! "Error Handling": 404 for what does not exist, 500 if the database cannot answer, and other HTTP
//! errors.

use testkit::http::{self, Answer};

use crate::records::{self, NUMBER, open, store};

fn assert_problem(answer: &Answer, status: u16, title: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/problem+json"),
        "{answer:?}"
    );
    let body = answer.json();
    assert_eq!((body["status"].as_u64(), body["title"].as_str()), (Some(status.into()), Some(title)));
    assert_eq!(body["type"], "about:blank");
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
}

#[tokio::test]
async fn an_order_number_that_is_not_found_is_a_404() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    for path in ["/orders/ORD_20241216_002/status", "/orders/ORD_20241216_002/history"] {
        let answer = service.get(path).await;
        assert_problem(&answer, 404, "Not Found");
        assert_eq!(answer.json()["detail"], "There is no order ORD_20241216_002.");
    }
}

#[tokio::test]
async fn a_text_that_is_no_order_number_is_a_404() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    let long = "x".repeat(10_000);
    for text in [
        "1",
        "ord_20241216_001",
        "ORD_20241216_1",
        "ORD_20241216_0001",
        "ORD_20241216_000",
        "ORD_20241301_001",
        "ORD_20241216_99999999999",
        "ORD_20241216_001%20",
        "%20ORD_20241216_001",
        "ORD_20241216_001%00",
        "ORD_20241216_001%0A",
        "ORD_20241216_001'%20or%20'1'='1",
        "..%2F..%2Fetc%2Fpasswd",
        "%FF%FE",
        "%C2%9B31m%1B[2J",
        "%E2%80%AE%E2%80%A8",
        "%",
        "%zz",
        "{order_number}",
        long.as_str(),
    ] {
        for endpoint in ["status", "history"] {
            let answer = service.get(&format!("/orders/{text}/{endpoint}")).await;
            assert_problem(&answer, 404, "Not Found");
            let formats = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
            let harmless = |c: char| !c.is_control() && !formats.iter().any(|range| range.contains(&c));
            assert!(answer.body.chars().all(harmless), "{answer:?}");
        }
    }
    assert_eq!(service.get("/orders/ORD_20241216_001/status").await.status, 200, "it still answers");
    for line in service.raw_lines() {
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{2028}'), "{line:?}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404() {
    let (_stage, _database, service) = open().await;
    for path in [
        "/",
        "/orders/",
        "/orders/ORD_20241216_001/",
        "/orders//status",
        "/workers",
        "/workers/status/",
        "/Health",
    ] {
        assert_problem(&service.get(path).await, 404, "Not Found");
    }
}

#[tokio::test]
async fn other_methods_than_get_are_a_405_that_says_what_is_allowed() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    for path in [
        "/orders/ORD_20241216_001/status",
        "/orders/ORD_20241216_001/history",
        "/orders/ORD_20241216_001/events",
        "/orders/ORD_20241216_001/estimate",
        "/orders/ORD_20241216_001",
        "/orders",
        "/events",
        "/board",
        "/kitchen/tickets",
        "/workers/status",
        "/health",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = http::send(service.port(), method, path, &[], b"").await;
            assert_problem(&answer, 405, "Method Not Allowed");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    records::log(&database, NUMBER, "received", "order-service", "2024-12-16 10:30:00Z").await;
    for path in
        ["/orders/ORD_20241216_001/status", "/orders/ORD_20241216_001/history", "/workers/status", "/livez"]
    {
        let get = service.get(path).await;
        let head = http::send(service.port(), "HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for header in ["content-length", "content-type", "cache-control"] {
            assert_eq!(head.header(header), get.header(header), "{path}: {header}");
        }
        assert_eq!(head.headers.get("etag"), get.headers.get("etag"), "{path}");
    }
    let unknown = http::send(service.port(), "HEAD", "/orders/ORD_20241216_002/status", &[], b"").await;
    assert_eq!((unknown.status, unknown.body.as_str()), (404, ""));
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let (_stage, _database, service) = open().await;
    let origin = [("Origin", "http://evil.example")];
    assert_eq!(http::send(service.port(), "GET", "/workers/status", &origin, b"").await.status, 403);
    let named = b"GET /workers/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(http::send_raw(service.port(), named).await.status, 421);
}

#[tokio::test]
async fn a_database_error_is_a_500_without_internal_details() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    database
        .execute(
            "alter table orders rename to orders_away; alter table workers rename to workers_away;
             alter table order_status_log rename to log_away",
        )
        .await;
    let cases = [
        ("/orders/ORD_20241216_001/status", "/orders/{order_number}/status"),
        ("/orders/ORD_20241216_001/history", "/orders/{order_number}/history"),
        ("/workers/status", "/workers/status"),
    ];
    for (path, endpoint) in cases {
        let id = format!("asked-for{}", path.replace('/', "."));
        let answer = http::send(service.port(), "GET", path, &[("X-Request-ID", &id)], b"").await;
        assert_problem(&answer, 500, "Internal Server Error");
        assert_eq!(answer.header("x-request-id"), id);
        for inside in ["relation", "exist", "sql", "table", "postgres", "_log"] {
            assert!(!answer.body.to_lowercase().contains(inside), "{answer:?}");
        }
        // The log has the cause, under the id that the client got.
        let line = service
            .log_where(&id, |line| line["request_id"] == *id && line["action"] == "db_query_failed")
            .await;
        assert_eq!((&line["level"], &line["details"]["endpoint"]), (&"ERROR".into(), &endpoint.into()));
        let stack = line["error"]["stack"].as_str().unwrap();
        assert!(stack.contains("does not exist"), "{stack}");
        assert!(!line["error"]["msg"].as_str().unwrap().is_empty());
    }
    database.execute("alter table orders_away rename to orders").await;
    assert_eq!(service.get("/orders/ORD_20241216_001/status").await.status, 200, "it recovers");
}
