//! "Input Validation" of what is no order at all: every body gets a useful 4xx, and none a 500.

use std::time::{Duration, Instant};

use testkit::http::{Answer, send, send_raw};
use testkit::{Service, Stage, orders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::refusal::{problem, violations};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

async fn post(service: &Service, body: &[u8]) -> Answer {
    send(service.port(), "POST", "/orders", JSON, body).await
}

#[tokio::test]
async fn what_is_not_one_json_object_is_refused_with_the_place() {
    let order = orders::takeout().to_string();
    let twice = order.replacen('{', r#"{"customer_name":"Twice","#, 1);
    let cut = &order[..order.len() - 1];
    let unreadable = |why: &str| format!("is not a JSON object that can be read: {why}");
    let other =
        |kind: &str| format!("is {kind}: send a JSON object with customer_name, order_type and items");
    let refused: [(&[u8], String); 18] = [
        (b"", other("empty")),
        (b" \r\n ", other("empty")),
        (b"null", other("null")),
        (b"7", other("a number")),
        (b"\"order\"", other("a string")),
        (b"[]", other("an array")),
        (b"[{}]", other("an array")),
        (b"{", unreadable("EOF while parsing an object at line 1 column 1")),
        (b"{'a': 1}", unreadable("key must be a string at line 1 column 2")),
        (b"{\"a\": 1,}", unreadable("trailing comma at line 1 column 9")),
        (b"{\"a\": 1} {}", unreadable("trailing characters at line 1 column 10")),
        (b"{\"a\": 01}", unreadable("invalid number at line 1 column 8")),
        (b"{\"a\": NaN}", unreadable("expected value at line 1 column 7")),
        (b"{\"a\": \"\xff\"}", unreadable("invalid UTF-8 after byte 7")),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark: send it as UTF-8 without one".to_owned()),
        (b"\x1f\x8b\x08\x00\x00", unreadable("invalid UTF-8 after byte 1")),
        (cut.as_bytes(), unreadable("EOF while parsing an object at line 1 column 165")),
        (twice.as_bytes(), unreadable("duplicate field `customer_name` at line 1 column 40")),
    ];
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (body, why) in refused {
        let answer = post(&service, body).await;
        assert_eq!(
            problem(&answer, 400)["detail"],
            format!("The body {why}."),
            "{}",
            String::from_utf8_lossy(body)
        );
        assert!(!answer.body.contains("\"errors\""), "{answer:?}");
    }
}

#[tokio::test]
async fn texts_that_are_no_unicode_and_fields_that_come_twice_are_refused() {
    let order = orders::takeout().to_string();
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for surrogate in ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud83c x"] {
        let body = order.replace("Jane Doe", surrogate).replace("Caesar Salad", surrogate);
        let violations = violations(&post(&service, body.as_bytes()).await);
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(violations[0].starts_with("/customer_name must be a string: "), "{violations:?}");
        assert!(violations[1].starts_with("/items/1/name must be a string: "), "{violations:?}");
    }
    let twice = order.replacen("\"quantity\":1", "\"quantity\":1,\"quantity\":2", 1);
    let violations = violations(&post(&service, twice.as_bytes()).await);
    assert!(
        matches!(&violations[..], [one] if one.starts_with("/items/0 cannot be read: duplicate field `quantity`")),
        "{violations:?}"
    );
}

#[tokio::test]
async fn deep_nesting_is_harmless() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [100, 10_000] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let whole = post(&service, nested.as_bytes()).await;
            let field = post(&service, format!("{{\"items\":{nested}}}").as_bytes()).await;
            let unknown = orders::takeout().to_string().replacen('{', &format!("{{\"x\":{nested},"), 1);
            let unknown = post(&service, unknown.as_bytes()).await;
            assert!((400..500).contains(&whole.status), "{depth} × {open}: {whole:?}");
            assert_eq!(field.status, 400, "{depth} × {open}: {field:?}");
            assert!(matches!(unknown.status, 200 | 400), "{depth} × {open}: {unknown:?}");
        }
    }
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_too_large() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = orders::takeout().to_string();
    let padded = |size: usize| format!("{order}{}", " ".repeat(size - order.len())).into_bytes();
    assert_eq!(post(&service, &padded(65_536)).await.status, 200);
    for size in [65_537, 10_000_000] {
        let body = padded(size);
        let expected = "The body is larger than 65536 bytes. An order of 20 items needs a tenth of that.";
        assert_eq!(problem(&post(&service, &body).await, 413)["detail"], expected);
        assert_eq!(problem(&send_raw(service.port(), &chunked(&body)).await, 413)["detail"], expected);
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_an_order_like_any_other() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = send_raw(service.port(), &chunked(orders::takeout().to_string().as_bytes())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let broken = b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n";
    assert_eq!(send_raw(service.port(), broken).await.status, 400);
}

/// A request whose body comes in chunks of a kibibyte.
fn chunked(body: &[u8]) -> Vec<u8> {
    let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    for chunk in body.chunks(1_024) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_told_so() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let no_header = "POST /orders HTTP/1.1\r\nHost: localhost\r\n";
    let no_body = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{\"customer";
    let (slow_header, slow_body) =
        tokio::join!(stalled(service.port(), no_header), stalled(service.port(), no_body));
    assert!(slow_header.0.starts_with("HTTP/1.1 408 "), "{slow_header:?}");
    assert!(slow_header.1 < Duration::from_secs(8), "{slow_header:?}");
    assert!(slow_body.0.starts_with("HTTP/1.1 408 "), "{slow_body:?}");
    assert!(slow_body.0.contains("The body did not arrive within 10 s."), "{slow_body:?}");
    assert!(slow_body.1 < Duration::from_secs(15), "{slow_body:?}");
    service.place(&orders::takeout()).await;
}

/// Sends a part of a request and nothing more; returns the answer and how long it took.
async fn stalled(port: u16, beginning: &str) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4_096];
    // Until the whole answer is there, or the connection ends: a server need not close it at once.
    while let Ok(1..) = stream.read(&mut piece).await.inspect(|count| answer.extend(&piece[..*count])) {
        if answer.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    (String::from_utf8(answer).unwrap(), started.elapsed())
}
