//! Pages of other sites and unknown host names, on a server that listens on the loopback.

use config::Http;

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
