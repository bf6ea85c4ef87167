//! A client that sends more requests than it may.

use config::Http;

use crate::served::{Client, LIVE, Served};

/// No route takes it. It counts all the same.
fn asking(headers: &str) -> String {
    format!("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

/// Asks until it is refused. Returns how often it was not, and the refusal.
async fn until_refused(client: &mut Client, headers: &str) -> (usize, String) {
    for asked in 0..1_000 {
        let answer = client.ask(&asking(headers)).await;
        if answer.starts_with("HTTP/1.1 429") {
            return (asked, answer);
        }
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    panic!("never refused");
}

#[tokio::test]
async fn a_client_that_sends_too_many_is_told_when_to_come_back_and_others_are_not_affected() {
    let served = Served::start(&Http { rate_limit: 5, ..Http::default() });
    let mut client = served.connect_from(1).await;
    let (asked, refusal) = until_refused(&mut client, "").await;
    // Those of two seconds, and some that came back meanwhile.
    assert!((10..100).contains(&asked), "{asked}");
    assert!(refusal.contains("\r\nretry-after: 1\r\n"), "{refusal}");
    assert!(refusal.contains("application/problem+json"), "{refusal}");
    assert!(refusal.contains("More than 5 requests a second"), "{refusal}");
    let line = served.line(|line| line["message"].as_str().unwrap().contains("429")).await;
    assert_eq!(line["action"], "request_refused", "{line}");

    let mut other = served.connect_from(2).await;
    assert!(other.ask(&asking("")).await.starts_with("HTTP/1.1 404"));
    // A balancer must hear that the service lives.
    for _ in 0..50 {
        assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    let trusted_proxies = "127.0.0.1".parse().unwrap();
    let served = Served::start(&Http { rate_limit: 5, trusted_proxies, ..Http::default() });
    let mut proxy = served.connect_from(1).await;
    let (greedy, modest) = ("X-Forwarded-For: 198.51.100.1\r\n", "X-Forwarded-For: 198.51.100.2\r\n");
    until_refused(&mut proxy, greedy).await;
    assert!(proxy.ask(&asking(modest)).await.starts_with("HTTP/1.1 404"));
    // What the client wrote itself stands before the proxy's word.
    let forged = "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n";
    let (asked, _) = until_refused(&mut proxy, forged).await;
    assert!(asked < 10, "it has no burst of its own: {asked}");

    // Nobody believes a stranger.
    let mut stranger = served.connect_from(2).await;
    until_refused(&mut stranger, modest).await;
    let (asked, _) = until_refused(&mut stranger, "X-Forwarded-For: 198.51.100.3\r\n").await;
    assert!(asked < 10, "{asked}");
}

#[tokio::test]
async fn without_a_limit_nobody_is_refused() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    for _ in 0..500 {
        assert!(client.ask(&asking("")).await.starts_with("HTTP/1.1 404"));
    }
}
