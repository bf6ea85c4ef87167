//! Requests that no handler sees: each gets a problem whose id is in the log.

use config::Http;
use serde_json::{Value, json};

use crate::served::{LIVE, Served, head};

/// The problem in a response, and the id in its head.
fn problem(answer: &str) -> (Value, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let id = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-request-id").then_some(value)
    });
    let body = serde_json::from_str(body).unwrap_or_else(|why| panic!("no problem ({why}): {answer:?}"));
    (body, id.unwrap_or_else(|| panic!("no id: {answer:?}")))
}

/// Asserts that the response is a problem of this status, and that a log line has its id.
async fn check(served: &Served, answer: &str, status: u64, part: &str, action: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}");
    let (problem, id) = problem(answer);
    assert_eq!((&problem["status"], &problem["request_id"]), (&json!(status), &json!(id)));
    assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    let line = served.line(|line| line["request_id"] == id).await;
    assert_eq!(line["action"], action, "{line}");
    assert!(line.to_string().contains(part), "{line}");
}

#[tokio::test]
async fn invalid_http_gets_a_problem_whose_id_is_in_the_log() {
    let served = Served::start(&Http::default());
    let lines = "X-Line: 1\r\n".repeat(96);
    for (request, status, part) in [
        ("NONSENSE\r\n\r\n".to_owned(), 400, "no valid HTTP/1.1 request"),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}".to_owned(), 400, "no TLS"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400, "no HTTP/2"),
        ("GET /livez HTTP/1.1\r\n\r\n".to_owned(), 400, "exactly one Host"),
        (
            "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n".to_owned(),
            400,
            "exactly one Host",
        ),
        (head("/length", "Content-Length: 1\r\nContent-Length: 2"), 400, "at most one Content-Length"),
        (head("/length", "Content-Length: x"), 400, "no valid HTTP/1.1 request"),
        (head("/length", &lines), 431, "more than 96 lines"),
        (head("/length", &format!("X-Long: {}", "x".repeat(20_000))), 431, "larger than 16384 bytes"),
    ] {
        let mut client = served.connect().await;
        client.send(&request).await;
        check(&served, &client.rest().await, status, part, "request_refused").await;
    }
}

#[tokio::test]
async fn a_valid_request_before_invalid_http_is_answered_too() {
    let served = Served::start(&Http::default());
    for good in [1, 3] {
        let mut client = served.connect().await;
        client.send(&format!("{}NONSENSE\r\n\r\n", LIVE.repeat(good))).await;
        let answers = client.rest().await;
        let (before, refusal) = answers.split_at(answers.find("HTTP/1.1 400").unwrap());
        assert_eq!(before.matches("HTTP/1.1 200 OK").count(), good, "{answers:?}");
        check(&served, refusal, 400, "no valid HTTP/1.1 request", "request_refused").await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_its_framing_has_one_answer() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    client.send(&(head("/length", "Transfer-Encoding: chunked") + "NONSENSE\r\n\r\n")).await;
    let answer = client.rest().await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("The body could not be read"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn late_heads_and_unknown_paths_are_logged() {
    let served = Served::start(&Http::default());
    let mut late = served.connect().await;
    late.send("GET").await;
    let mut client = served.connect().await;
    let nowhere = client.ask(&LIVE.replace("/livez", "/nowhere")).await;
    let nothing = "There is nothing at /nowhere. /docs of a service shows";
    check(&served, &nowhere, 404, nothing, "request_refused").await;
    let wrong = client.ask(&LIVE.replace("GET", "DELETE")).await;
    check(&served, &wrong, 405, "use GET, HEAD", "request_refused").await;
    check(&served, &late.rest().await, 408, "within 5 s", "request_refused").await;
}

#[tokio::test]
async fn a_header_with_a_single_meaning_may_not_be_repeated() {
    let served = Served::start(&Http::default());
    for name in
        ["Authorization", "Content-Type", "Idempotency-Key", "X-Order-Token", "Origin", "Sec-Fetch-Site"]
    {
        for (first, second) in [("a", "a"), ("a", "b"), ("", "b")] {
            for (method, path) in [("GET", "/livez"), ("POST", "/length"), ("GET", "/nowhere")] {
                let mut client = served.connect().await;
                let doubled = format!("{name}: {first}\r\nAccept: */*\r\n{}: {second}", name.to_lowercase());
                let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{doubled}\r\n\r\n");
                let part = format!("{name} is there more than once");
                check(&served, &client.ask(&request).await, 400, &part, "validation_failed").await;
            }
        }
    }
    let mut client = served.connect().await;
    let twice =
        LIVE.replacen("\r\n\r\n", "\r\nAccept: a/b\r\nAccept: c/d\r\nCookie: a\r\nCookie: b\r\n\r\n", 1);
    assert!(client.ask(&twice).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn headers_that_ask_for_another_protocol_change_nothing() {
    let served = Served::start(&Http::default());
    let cases = [
        "Upgrade: websocket\r\nConnection: Upgrade",
        "Upgrade: websocket",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings",
        "Upgrade: TLS/1.0\r\nConnection: Upgrade",
        "Connection: Upgrade",
        "Expect: 100-continue",
        "Expect: the-unexpected",
    ];
    for headers in cases {
        for (framing, body, length) in [
            ("Content-Length: 2", "{}", "2"),
            ("Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", "2"),
            ("Content-Length: 0", "", "0"),
        ] {
            let mut client = served.connect().await;
            client.send(&head("/length", &format!("{headers}\r\n{framing}"))).await;
            client.send(body).await;
            let mut answer = client.answer().await;
            if answer == "HTTP/1.1 100 Continue\r\n\r\n" {
                answer = client.answer().await;
            }
            let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{headers} {framing}: {answer:?}");
            assert!(answer.ends_with(&format!("\r\n\r\n{length}")), "{headers} {framing}: {answer:?}");
            assert!(!answer.to_lowercase().contains("upgrade"), "{headers} {framing}: {answer:?}");
        }
        let mut client = served.connect().await;
        let asked = LIVE.replacen("\r\n\r\n", &format!("\r\n{headers}\r\n\r\n"), 1);
        let answer = client.ask(&asked).await;
        let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{headers}: {answer:?}");
    }
}

#[tokio::test]
async fn bytes_after_a_head_that_asks_for_another_protocol_are_not_parsed() {
    let served = Served::start(&Http::default());
    for first in [
        LIVE.replacen("\r\n\r\n", "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 1),
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n".to_owned(),
        head("/length", "Upgrade: websocket\r\nContent-Length: 2") + "{}",
    ] {
        let mut client = served.connect().await;
        client.send(&(first + LIVE)).await;
        let answer = client.rest().await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer:?}");
        assert!(!answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    }
}

#[tokio::test]
async fn refusals_are_logged_at_a_limited_rate_and_the_omitted_ones_are_counted() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    for _ in 0..3_000 {
        let answer = client.ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer:?}");
    }
    drop(client);
    served.handle.stop(true).await;
    let line = served.line(|line| line["details"]["left_out"].is_number()).await;
    assert_eq!(line["action"], "cross_site_refused", "{line}");
    assert!(line["details"]["left_out"].as_u64().unwrap() < 2_000, "{line}");
}
