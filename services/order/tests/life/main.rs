//! The order service beyond the specification's own sentences: an order placed twice, of unknown
//! outcome, held up or lost on the way, cancelled, completed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod breaker;
mod cancel_reasons;
mod changes;
mod durable;
mod hung_queue;
mod idempotency;
mod killed;
mod lost_messages;
mod max_waiting;
mod over_tls;
mod pausing;
mod signing_in;
mod staff_page;
mod unknown_outcome;
mod used_up_ids;

use serde_json::Value;
use testkit::Service;
use testkit::database::Database;
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use tokio::task::JoinHandle;

/// Sends JSON with these headers besides.
async fn post(service: &Service, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = [&[("Content-Type", "application/json")], headers].concat();
    send(service.port(), "POST", path, &headers, body.as_bytes()).await
}

/// A client that places an order and waits for the answer, while the test does something else.
fn placing(service: &Service, headers: &'static [(&'static str, &'static str)]) -> JoinHandle<Answer> {
    placing_this(service, headers, &takeout())
}

/// The same, with an order of one's own.
fn placing_this(
    service: &Service,
    headers: &'static [(&'static str, &'static str)],
    order: &Value,
) -> JoinHandle<Answer> {
    let (port, order) = (service.port(), order.to_string());
    let headers = [&[("Content-Type", "application/json")], headers].concat();
    tokio::spawn(async move { send(port, "POST", "/orders", &headers, order.as_bytes()).await })
}

/// The status log of an order, oldest first.
async fn life(database: &Database, number: &str) -> Vec<String> {
    let sql = format!(
        "select log.status from order_status_log log join orders on orders.id = order_id where number = '{number}' order by log.id"
    );
    let rows = database.rows(&sql).await;
    rows.iter().map(|row| row["status"].as_str().unwrap().to_owned()).collect()
}
