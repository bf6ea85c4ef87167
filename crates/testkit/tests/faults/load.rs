//! Clients that place orders, one behind the other each, and remember every answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use testkit::{eventually, http};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Longer than the service's own deadline for an answer.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two orders of a client whose order was refused: a person tries again, too.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// What a client heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// 200, with the number.
    Accepted(String),
    /// 500 or 503.
    Refused(u16),
    /// Nothing, or that it is not known (504).
    Nothing,
}

/// One order, as its client saw it. The name of the customer tells it apart from all others.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub customer: String,
    pub heard: Heard,
    pub at: Instant,
}

/// Clients at work.
pub struct Load {
    attempts: Arc<Mutex<Vec<Attempt>>>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    /// So many clients, who share the ports among them and follow when these change.
    pub fn start(clients: usize, ports: &Arc<Mutex<Vec<u16>>>) -> Self {
        let (attempts, stop) = (Arc::<Mutex<Vec<Attempt>>>::default(), Arc::<AtomicBool>::default());
        let counter = Arc::<AtomicUsize>::default();
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let (attempts, stop, ports, counter) =
                (Arc::clone(&attempts), Arc::clone(&stop), Arc::clone(ports), Arc::clone(&counter));
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    let customer = format!("Guest {number}");
                    let port = {
                        let ports = ports.lock().unwrap();
                        ports[(client + number) % ports.len()]
                    };
                    let heard = place(port, &customer, number).await;
                    let failed = !matches!(heard, Heard::Accepted(_));
                    attempts.lock().unwrap().push(Attempt { customer, heard, at: Instant::now() });
                    if failed {
                        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                    }
                }
            });
        }
        Self { attempts, stop, clients: tasks }
    }

    /// Everything that was answered so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    fn accepted_since(&self, moment: Instant) -> usize {
        let attempts = self.attempts.lock().unwrap();
        attempts
            .iter()
            .filter(|attempt| attempt.at > moment && matches!(attempt.heard, Heard::Accepted(_)))
            .count()
    }

    /// Waits until so many orders have been accepted from now on.
    pub async fn accepts(&self, count: usize) {
        let start = Instant::now();
        eventually(&format!("{count} accepted orders"), async || {
            (self.accepted_since(start) >= count).then_some(())
        })
        .await;
    }

    /// Waits until so many orders have been answered or given up from now on, whatever was heard.
    pub async fn hears(&self, count: usize) {
        let before = self.attempts().len();
        eventually(&format!("{count} answers"), async || {
            (self.attempts().len() >= before + count).then_some(())
        })
        .await;
    }

    /// Lets every client hear the answer to his last order, and returns what all heard.
    pub async fn stop(mut self) -> Vec<Attempt> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("a client that does not panic");
        }
        self.attempts()
    }
}

/// Orders of all types and priorities.
fn order(customer: &str, number: usize) -> serde_json::Value {
    let price = [3.50, 60.0, 120.0][number % 3];
    let items = json!([{"name": "Ribollita", "quantity": 1, "price": price}]);
    match number % 4 {
        0 | 1 => json!({"customer_name": customer, "order_type": "takeout", "items": items}),
        2 => json!({"customer_name": customer, "order_type": "dine_in", "table_number": 7, "items": items}),
        _ => {
            json!({"customer_name": customer, "order_type": "delivery", "delivery_address": "12 Long Lane, Town", "items": items})
        }
    }
}

async fn place(port: u16, customer: &str, number: usize) -> Heard {
    let body = order(customer, number).to_string();
    let json = [("Content-Type", "application/json")];
    let asking = http::try_send(port, "POST", "/orders", &json, body.as_bytes());
    let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asking).await else { return Heard::Nothing };
    match answer.status {
        200 => Heard::Accepted(answer.json()["order_number"].as_str().unwrap().to_owned()),
        504 => Heard::Nothing,
        status @ (500 | 503) => Heard::Refused(status),
        status => panic!("a valid order was answered {status}: {answer:?}"),
    }
}
