//! Requests that are refused before they are routed: by which route they are counted.

use config::{Http, Web};
use telemetry::Program;

use crate::served::{Client, Served};

/// How many requests are shown with these labels. All tests of this process count together.
fn counted(method: &str, route: &str, status: u16) -> f64 {
    let labels = format!(r#"{{method="{method}",route="{route}",status="{status}"}} "#);
    let series = format!("http_server_request_duration_seconds_count{labels}");
    let page = telemetry::render(Program::Order).unwrap();
    let count = page.lines().find_map(|line| line.strip_prefix(&series));
    count.map_or(0.0, |count| count.parse().unwrap())
}

/// Asks until it is refused so.
async fn refused(client: &mut Client, request: &str, status: u16) {
    let begin = format!("HTTP/1.1 {status} ");
    for _ in 0..1_000 {
        if client.ask(request).await.starts_with(&begin) {
            return;
        }
    }
    panic!("never refused: {request}");
}

#[tokio::test]
async fn a_request_too_many_is_counted_by_the_route_that_would_have_taken_it() {
    let served = Served::start(&Http { rate_limit: 1, ..Http::default() });
    let mut client = served.connect_from(3).await;
    for (method, path, route, shown) in [
        ("GET", "/large?a=b", "/large", "GET"),
        ("POST", "/length", "/length", "POST"),
        // Nobody makes a series of each method.
        ("POST", "/large", "/large", "other"),
        ("DELETE", "/length", "/length", "other"),
        ("BREW", "/length", "/length", "other"),
        ("GET", "/nowhere", "unmatched", "GET"),
    ] {
        let before = counted(shown, route, 429);
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        refused(&mut client, &request, 429).await;
        assert!(counted(shown, route, 429) > before, "{method} {path}");
    }
    for method in ["POST", "DELETE", "BREW"] {
        assert_eq!(counted(method, "/large", 429).to_string(), "0", "{method}");
    }
}

#[tokio::test]
async fn so_is_a_page_of_another_site_below_a_base_path() {
    let pages = Web { base_path: "/shop".parse().unwrap(), ..Web::default() };
    let served = Served::start_with(&Http::default(), &pages);
    let mut client = served.connect().await;
    for path in ["/shop/quiet", "/quiet"] {
        let before = counted("GET", "/quiet", 403);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n");
        refused(&mut client, &request, 403).await;
        assert!(counted("GET", "/quiet", 403) > before, "{path}");
    }
}
