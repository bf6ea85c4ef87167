//! The demo's requests: it places orders and reads their status, over HTTP like any client.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use devcluster::menu::Customer;
use runtime::Exit;
use runtime::http_client::{self, Request};
use serde_json::Value;
use tokio::time::Instant;

use crate::cluster::record::Record;

const LIMIT: Duration = Duration::from_secs(15);

/// An event of an order.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The order was accepted.
    Placed { number: String, customer: Customer, total: String, at: Instant },
    /// The order was refused.
    Refused { customer: Customer, why: String },
    /// The order has a new status.
    Changed { number: String, status: String, cook: Option<String>, at: Instant },
}

/// A client of the order and the tracking service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiClient {
    orders: SocketAddr,
    tracking: SocketAddr,
    in_flight: Arc<Mutex<Vec<String>>>,
}

impl ApiClient {
    /// A client of the running cluster.
    ///
    /// # Errors
    /// Its addresses cannot be parsed.
    pub fn new(record: &Record) -> Result<Self, Exit> {
        let address = |url: &str| {
            let authority = url.trim_start_matches("http://").trim_end_matches('/');
            let found = authority.to_socket_addrs().ok().and_then(|mut found| found.next());
            found.ok_or_else(|| {
                Exit::Failed(format!("'{url}' in .local is no address; 'cargo xtask down' and 'up' again"))
            })
        };
        Ok(Self {
            orders: address(&record.order_url)?,
            tracking: address(&record.tracking_url)?,
            in_flight: Arc::default(),
        })
    }

    /// The numbers of all orders that are not ready yet.
    pub fn in_flight(&self) -> Vec<String> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Places a customer's order.
    pub async fn place(&self, customer: Customer) -> Progress {
        let body = customer.body.to_string();
        let request = Request { method: "POST", path: "/orders", headers: &[], body: Some(&body) };
        let answer = match http_client::send_to(self.orders, &request, LIMIT).await {
            Ok(answer) => answer,
            Err(why) => {
                return Progress::Refused {
                    customer,
                    why: format!("the order service does not answer: {why}"),
                };
            }
        };
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        match json.get("order_number").and_then(Value::as_str) {
            Some(number) if answer.status == 200 => {
                self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).push(number.to_owned());
                let total = json.get("total_amount").map(ToString::to_string).unwrap_or_default();
                Progress::Placed { number: number.to_owned(), customer, total, at: Instant::now() }
            }
            _ => {
                let detail = json.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
                Progress::Refused { customer, why: format!("{}: {detail}", answer.status) }
            }
        }
    }

    /// Reads the status of an order. `None` if there is no response at the moment.
    pub async fn ask(&self, number: &str) -> Option<(String, Progress)> {
        let path = format!("/orders/{number}/status");
        let answer = http_client::send_to(self.tracking, &Request::get(&path), LIMIT).await.ok()?;
        let json: Value = serde_json::from_str(&answer.body).ok()?;
        let status = json.get("current_status")?.as_str()?.to_owned();
        if !matches!(status.as_str(), "received" | "cooking") {
            self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).retain(|open| open != number);
        }
        let cook = json.get("processed_by").and_then(Value::as_str).map(str::to_owned);
        let at = Instant::now();
        Some((status.clone(), Progress::Changed { number: number.to_owned(), status, cook, at }))
    }
}
