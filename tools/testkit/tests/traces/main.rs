//! Traces of the running system: a collector decodes what arrives, and the spans are in their
//! places. A collector in trouble costs nothing but its spans.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod collectors;
mod edges;
mod passing_on;
mod sampling;

use serde_json::Value;
use testkit::{PortClaim, Service, http, orders};

/// The `traceparent` of a caller.
fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-00f067aa0ba902b7-{flags}")
}

/// A trace of a caller: 32 hexadecimal digits.
fn trace() -> String {
    format!("{:032x}", rand::random::<u128>() | 1)
}

/// Places an order with these headers. Returns its number.
async fn place(service: &Service, headers: &[(&str, &str)]) -> String {
    let json = [("Content-Type", "application/json")];
    let body = orders::takeout().to_string();
    let answer =
        http::send(service.port(), "POST", "/orders", &[&json[..], headers].concat(), body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["order_number"].as_str().unwrap().to_owned()
}

/// The lines of a service about this order.
fn lines_of<'a>(lines: &'a [Value], number: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["details"]["order_number"] == number)
}

/// The sum of a metric's series whose labels have this part.
async fn metric(admin: &PortClaim, name: &str, part: &str) -> f64 {
    let shown = http::send(admin.port(), "GET", "/metrics", &[], b"").await.body;
    let of_name = shown.lines().filter(|line| line.starts_with(name) && line.contains(part));
    of_name.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}
