//! The demo's requests: it places orders and reads their status, over HTTP like any client.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use devcluster::customers::Customer;
use devcluster::menu::{Menu, MenuError};
use runtime::http_client::{self, Request};
use runtime::{Exit, with_causes};
use serde_json::Value;

use crate::cluster::record::Record;

const LIMIT: Duration = Duration::from_secs(15);

/// A client of the order and the tracking service.
#[derive(Clone, Copy, Debug)]
pub struct ApiClient {
    orders: SocketAddr,
    tracking: SocketAddr,
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
        Ok(Self { orders: address(&record.order_url)?, tracking: address(&record.tracking_url)? })
    }

    /// What customers order from: the service's menu, or dishes that they price themselves if its
    /// menu is off.
    ///
    /// # Errors
    /// The order service shows no menu, or nothing on it can be ordered.
    pub async fn menu(&self) -> Result<Menu, Exit> {
        match Menu::of_service(self.orders).await {
            Err(MenuError::Off) => Ok(Menu::priced_by_guests()),
            Err(why @ MenuError::Empty) => Err(Exit::Failed(format!(
                "the order service: {why}. 'cargo xtask ctl menu import deploy/menu.yaml' brings a menu"
            ))),
            menu => menu.map_err(|why| Exit::Failed(format!("the order service: {}", with_causes(&why)))),
        }
    }

    /// Places a customer's order. Returns its number and its total, or why it was refused.
    pub async fn place(&self, customer: &Customer) -> Result<(String, String), String> {
        let body = customer.body.to_string();
        let request = Request { method: "POST", path: "/orders", headers: &[], body: Some(&body) };
        let answer = http_client::send_to(self.orders, &request, LIMIT)
            .await
            .map_err(|why| format!("the order service does not answer: {why}"))?;
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        match json.get("order_number").and_then(Value::as_str) {
            Some(number) if answer.status == 200 => {
                let total = json.get("total_amount").map(ToString::to_string).unwrap_or_default();
                Ok((number.to_owned(), total))
            }
            _ => {
                let detail = json.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
                Err(format!("{}: {detail}", answer.status))
            }
        }
    }

    /// Reads the status of an order and who cooks it. `None` if there is no response at the moment.
    pub async fn ask(&self, number: &str) -> Option<(String, Option<String>)> {
        let path = format!("/orders/{number}/status");
        let answer = http_client::send_to(self.tracking, &Request::get(&path), LIMIT).await.ok()?;
        let json: Value = serde_json::from_str(&answer.body).ok()?;
        let text = |field: &str| json.get(field).and_then(Value::as_str).map(str::to_owned);
        Some((text("current_status")?, text("processed_by")))
    }
}
