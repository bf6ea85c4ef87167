//! "API", and what HTTP asks of it: paths, methods, media types.

use testkit::http::send;
use testkit::{Stage, orders};

use crate::refusal::problem;

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_404() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (method, path) in [
        ("GET", "/index.html"),
        ("POST", "/order"),
        ("GET", "/orders/1"),
        ("POST", "/orders/"),
        ("GET", "/Health"),
    ] {
        let answer = send(service.port(), method, path, &[], b"").await;
        let detail = problem(&answer, 404)["detail"].to_string();
        assert!(detail.contains(&format!("There is nothing at {path}.")), "{detail}");
    }
}

#[tokio::test]
async fn another_method_is_a_405_that_names_the_right_one() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for (method, path, allowed) in [
        ("GET", "/orders", "POST"),
        ("PUT", "/orders", "POST"),
        ("DELETE", "/orders", "POST"),
        ("OPTIONS", "/orders", "POST"),
        ("HEAD", "/orders", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("DELETE", "/livez", "GET, HEAD"),
    ] {
        let answer = send(service.port(), method, path, &[], b"").await;
        let detail = format!("{path} does not take {method}; use {allowed}.");
        if method == "HEAD" {
            assert_eq!((answer.status, answer.body.as_str()), (405, ""));
        } else {
            assert_eq!(problem(&answer, 405)["detail"], detail);
        }
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    for path in ["/livez", "/readyz", "/health"] {
        let get = send(service.port(), "GET", path, &[], b"").await;
        let head = send(service.port(), "HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for header in ["content-length", "content-type", "cache-control"] {
            assert_eq!(head.header(header), get.header(header), "{path}: {header}");
        }
    }
}

#[tokio::test]
async fn an_order_is_json_and_says_so() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = orders::takeout().to_string();
    for media_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json ;charset=\"UTF-8\"",
        "application/vnd.restaurant.order+json",
    ] {
        let headers = [("Content-Type", media_type)];
        let answer = send(service.port(), "POST", "/orders", &headers, order.as_bytes()).await;
        assert_eq!(answer.status, 200, "{media_type:?}: {answer:?}");
    }
    let identity = [("Content-Type", "application/json"), ("Content-Encoding", "identity")];
    assert_eq!(send(service.port(), "POST", "/orders", &identity, order.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn another_media_type_or_encoding_is_a_415_that_says_what_to_do() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = orders::takeout().to_string();
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonp", "json"]
    {
        let headers = [("Content-Type", media_type)];
        let answer = send(service.port(), "POST", "/orders", &headers, order.as_bytes()).await;
        let detail = format!(
            "The body has the media type {media_type:?}; send it with Content-Type: application/json."
        );
        assert_eq!(problem(&answer, 415)["detail"], detail);
    }
    let answer = send(service.port(), "POST", "/orders", &[], order.as_bytes()).await;
    let detail = "The body has no media type; send it with Content-Type: application/json.";
    assert_eq!(problem(&answer, 415)["detail"], detail);
    for path in ["/orders/ORD_20261121_001/cancel", "/orders/ORD_20261121_001/complete"] {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = send(service.port(), "POST", path, &form, b"a=b").await;
        problem(&answer, 415);
    }
    for encoding in ["gzip", "br", "GZIP"] {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", encoding)];
        let answer = send(service.port(), "POST", "/orders", &headers, b"\x1f\x8b\x08\0\0\0\0\0").await;
        let detail = problem(&answer, 415)["detail"].to_string();
        assert!(detail.contains("content encoding") && detail.contains(&encoding.to_lowercase()), "{detail}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_places_no_order() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = orders::takeout().to_string();
    let json = ("Content-Type", "application/json");
    for (header, status) in [
        (("Origin", "http://evil.example"), 403),
        (("Origin", "null"), 403),
        (("Sec-Fetch-Site", "cross-site"), 403),
        (("Origin", "http://localhost"), 200),
    ] {
        let answer = send(service.port(), "POST", "/orders", &[json, header], order.as_bytes()).await;
        assert_eq!(answer.status, status, "{header:?}: {answer:?}");
    }
    assert_eq!(service.logs("cross_site_refused", 3).await.len(), 3);
    let stored = stage.database().await.value("select count(*) from orders").await;
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let order = orders::takeout().to_string();
    let headers = [("Content-Type", "application/json"), ("Expect", "100-continue")];
    let answer = send(service.port(), "POST", "/orders", &headers, order.as_bytes()).await;
    assert_eq!(answer.status, 100, "{answer:?}");
    assert!(answer.body.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
}

#[tokio::test]
async fn the_root_is_a_page_and_head_is_the_same_without_it() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let page = service.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    let head = send(service.port(), "HEAD", "/", &[], b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["content-length", "content-type", "etag", "vary"] {
        assert_eq!(head.header(name), page.header(name), "{name}");
    }
    let style = page.body.split('"').find(|text| text.contains("assets/style.")).unwrap();
    let style = service.get(style.strip_prefix('.').unwrap()).await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    let browser = [("Accept", "text/html,*/*;q=0.8")];
    let missing = send(service.port(), "GET", "/nowhere", &browser, b"").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/html; charset=utf-8"));
}
