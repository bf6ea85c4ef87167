//! Pages of other sites and unknown host names, on a server that listens on the loopback.

use config::{Http, Web};

use crate::served::Served;

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\n{headers}\r\n")
}

#[tokio::test]
async fn pages_of_other_sites_and_other_names_are_refused() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    for (headers, status) in [
        ("Host: localhost\r\n", "200"),
        ("Host: 127.0.0.1:3000\r\nOrigin: http://127.0.0.1:3000\r\n", "200"),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", "403"),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", "403"),
        ("Host: evil.example\r\n", "421"),
    ] {
        let answer = client.ask(&request("GET", "/livez", headers)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers}: {answer:?}");
        assert_eq!(status == "200", !answer.contains("problem+json"), "{answer:?}");
        assert!(answer.contains("\r\nx-request-id: "), "{answer:?}");
    }
    let preflight =
        "Host: localhost\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
    assert!(client.ask(&request("OPTIONS", "/length", preflight)).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn on_all_addresses_only_configured_names_are_known_if_there_are_some() {
    let all = Http { bind: std::net::Ipv4Addr::UNSPECIFIED.into(), ..Http::default() };
    let named = Http { allowed_hosts: "order-service".parse().unwrap(), ..all.clone() };
    for (settings, strange) in [(all, "200"), (named, "421")] {
        let served = Served::start(&settings);
        let mut client = served.connect().await;
        for (target, host, status) in [
            ("/livez", "order-service:3000", "200"),
            ("/livez", "localhost", "200"),
            ("/livez", "127.0.0.1", "200"),
            ("/livez", "evil.example", strange),
            ("http://evil.example/livez", "localhost", strange),
        ] {
            let answer = client.ask(&request("GET", target, &format!("Host: {host}\r\n"))).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target} {host}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn pages_of_configured_origins_may_ask_and_read() {
    let allowed_origins = "https://shop.example".parse().unwrap();
    let served = Served::start(&Http { allowed_origins, ..Http::default() });
    let mut client = served.connect().await;
    let headers = "Host: localhost\r\nOrigin: https://shop.example\r\n";
    let preflight = format!("{headers}Access-Control-Request-Method: POST\r\n");
    let answer = client.ask(&request("OPTIONS", "/length", &preflight)).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer:?}");
    for line in [
        "access-control-allow-origin: https://shop.example",
        "access-control-allow-methods: GET, HEAD, POST",
        "vary: origin",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line}: {answer:?}");
    }
    assert!(answer.contains("content-type") && answer.contains("x-order-token"), "{answer:?}");
    let answer = client.ask(&request("GET", "/livez", headers)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(answer.contains("\r\naccess-control-allow-origin: https://shop.example\r\n"), "{answer:?}");
}

#[tokio::test]
async fn our_two_services_let_each_others_pages_in_with_cookies() {
    let configured =
        Web { tracking_url: Some("https://track.shop.example/t".parse().unwrap()), ..Web::default() };
    for (pages, origin, is_ours) in [
        (&Web::default(), "http://localhost:3002", true),
        (&Web::default(), "http://localhost:3001", false),
        (&Web::default(), "https://track.shop.example", false),
        (&configured, "https://track.shop.example", true),
        (&configured, "http://localhost:3002", false),
    ] {
        let served = Served::start_with(&Http::default(), pages);
        let mut client = served.connect().await;
        let headers = format!("Host: localhost:3000\r\nOrigin: {origin}\r\n");
        let preflight = format!("{headers}Access-Control-Request-Method: DELETE\r\n");
        let answer = client.ask(&request("OPTIONS", "/length", &preflight)).await;
        let expected = if is_ours { "HTTP/1.1 204" } else { "HTTP/1.1 403" };
        assert!(answer.starts_with(expected), "{origin}: {answer:?}");
        assert_eq!(answer.contains("\r\naccess-control-allow-credentials: true\r\n"), is_ours, "{answer:?}");
        let answer = client.ask(&request("GET", "/livez", &headers)).await;
        for line in [
            format!("access-control-allow-origin: {origin}"),
            "access-control-allow-credentials: true".to_owned(),
            "vary: origin".to_owned(),
        ] {
            assert_eq!(answer.contains(&format!("\r\n{line}\r\n")), is_ours, "{line}: {answer:?}");
        }
        if is_ours {
            let answer = client.ask(&request("OPTIONS", "/length", &preflight)).await;
            assert!(answer.contains("GET, HEAD, POST, PUT, DELETE"), "{answer:?}");
            assert!(answer.contains("x-requested-with") && answer.contains("last-event-id"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn configured_origins_get_no_cookies_and_change_no_menu() {
    let allowed_origins = "https://shop.example".parse().unwrap();
    let served = Served::start(&Http { allowed_origins, ..Http::default() });
    let mut client = served.connect().await;
    let headers =
        "Host: localhost\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: DELETE\r\n";
    let answer = client.ask(&request("OPTIONS", "/length", headers)).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer:?}");
    assert!(!answer.contains("allow-credentials") && !answer.contains("DELETE"), "{answer:?}");
}

#[tokio::test]
async fn a_gateway_need_not_take_its_path_off() {
    let pages = Web { base_path: "/shop/order".parse().unwrap(), ..Web::default() };
    let served = Served::start_with(&Http::default(), &pages);
    let mut client = served.connect().await;
    for (target, status) in [
        ("/shop/order/livez", "200"),
        ("/shop/order/livez?a=b", "200"),
        ("http://localhost/shop/order/livez", "200"),
        ("/livez", "200"),
        ("/shop/order", "308"),
        ("/shop/order/", "404"),
        ("/shop/order/shop/order/livez", "404"),
        ("/shop/ordering/livez", "404"),
        ("/shop/livez", "404"),
    ] {
        let answer = client.ask(&request("GET", target, "Host: localhost\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer:?}");
        if status == "308" {
            assert!(answer.contains("\r\nlocation: /shop/order/\r\n"), "{answer:?}");
        }
    }
}
