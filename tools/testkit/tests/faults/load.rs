//! Clients that place orders, each in sequence, and record every response.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use testkit::eventually;
use testkit::http::{self, Answer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::menu;
use crate::scale::either;

/// Longer than the service's own deadline for a response.
const RESPONSE_LIMIT: Duration = Duration::from_secs(40);
const CLIENTS: usize = 8;
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A client's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 200, with the number.
    Accepted(String),
    /// 200, with the number; the order was cancelled later.
    Cancelled(String),
    /// The same, but nobody knows whether it was cancelled.
    PerhapsCancelled(String),
    /// 500 or 503.
    Refused(u16),
    /// No response, or an unknown outcome (504).
    Failed(String),
}

impl Response {
    /// Whether the order was accepted, whatever came later.
    pub fn is_acceptance(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Cancelled(_) | Self::PerhapsCancelled(_))
    }
}

/// One order from its client's view. The customer's name is unique.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub customer: String,
    pub response: Response,
    pub at: Instant,
}

/// The running clients.
pub struct Load {
    attempts: Arc<Mutex<Vec<Attempt>>>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts clients that share the ports, and follow when these change. If there is a menu, they
    /// order from it, and cancel a fifth of their orders.
    pub fn start(ports: &Arc<Mutex<Vec<u16>>>, has_menu: bool) -> Self {
        let (attempts, stop) = (Arc::<Mutex<Vec<Attempt>>>::default(), Arc::<AtomicBool>::default());
        let counter = Arc::<AtomicUsize>::default();
        let table = letters(rand::random());
        // A pause, because the test is about the fault, not about the machine's throughput.
        let pause = either(Duration::from_millis(150), Duration::from_millis(100));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (attempts, stop, ports, counter) =
                (Arc::clone(&attempts), Arc::clone(&stop), Arc::clone(ports), Arc::clone(&counter));
            let table = table.clone();
            clients.spawn(async move {
                // Each client alternates between the services by its own count. By the common
                // count, clients that answer in step could all stay with one service.
                for turn in client.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    let customer = format!("Guest {table} {number}");
                    let mut order = order(&customer, number);
                    if has_menu {
                        order["items"] = menu::lines(number);
                    }
                    let by = if has_menu { Cancelling::of(number) } else { None };
                    let response = place(&ports, turn, &order, by).await;
                    attempts.lock().unwrap().push(Attempt { customer, response, at: Instant::now() });
                    sleep(pause).await;
                }
            });
        }
        Self { attempts, stop, clients }
    }

    /// All responses so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// Records the response of another client.
    pub fn remember(&self, customer: String, response: Response) {
        self.attempts.lock().unwrap().push(Attempt { customer, response, at: Instant::now() });
    }

    fn accepted_since(&self, moment: Instant) -> usize {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().filter(|attempt| attempt.at > moment && attempt.response.is_acceptance()).count()
    }

    /// Waits until this number of orders has been accepted from now on.
    pub async fn accepts(&self, count: usize) {
        let start = Instant::now();
        eventually(&format!("{count} accepted orders"), async || {
            (self.accepted_since(start) >= count).then_some(())
        })
        .await;
    }

    /// Waits until this number of orders has been answered or given up from now on. It waits as
    /// long as a client does, because the service may delay each response until its own deadline.
    pub async fn gets_responses(&self, count: usize) {
        let wanted = self.attempts.lock().unwrap().len() + count;
        let start = Instant::now();
        while self.attempts.lock().unwrap().len() < wanted {
            assert!(
                start.elapsed() < RESPONSE_LIMIT,
                "there were no {count} answers within {RESPONSE_LIMIT:?}"
            );
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Waits until an order is refused from now on.
    pub async fn is_refused(&self) {
        let start = Instant::now();
        eventually("a refusal", async || {
            let attempts = self.attempts.lock().unwrap();
            attempts
                .iter()
                .any(|attempt| attempt.at > start && !attempt.response.is_acceptance())
                .then_some(())
        })
        .await;
    }

    /// Waits for every client's last response, and returns all.
    pub async fn stop(mut self) -> Vec<Attempt> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("a client that does not panic");
        }
        self.attempts()
    }
}

/// A number as letters, because names may contain no punctuation.
fn letters(number: u32) -> String {
    format!("{number:08x}")
}

/// An order. In sequence they have all types and priorities.
pub fn order(customer: &str, number: usize) -> serde_json::Value {
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

/// Places an order with the next service. One that does not listen is skipped, because nothing was
/// sent to it. A service that has just stopped may delay a client for a second. Until then the
/// other one may have stopped, and the first one restarted on another port. So every port is read
/// when it is needed, and each service gets two attempts.
async fn place(
    ports: &Mutex<Vec<u16>>,
    turn: usize,
    order: &serde_json::Value,
    cancelling: Option<Cancelling>,
) -> Response {
    let services = ports.lock().unwrap().len();
    let body = order.to_string();
    let json = [("Content-Type", "application/json")];
    for choice in 0..2 * services {
        let port = ports.lock().unwrap()[(turn + choice) % services];
        let asking = http::try_send(port, "POST", "/orders", &json, body.as_bytes());
        let answer = match tokio::time::timeout(RESPONSE_LIMIT, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) if why.kind() == ErrorKind::ConnectionRefused => continue,
            Ok(Err(why)) => return Response::Failed(why.to_string()),
            Err(_) => return Response::Failed(format!("no answer within {RESPONSE_LIMIT:?}")),
        };
        return match answer.status {
            200 => {
                let number = answer.json()["order_number"].as_str().unwrap().to_owned();
                match cancelling {
                    Some(by) => by.cancel(port, number, &answer).await,
                    None => Response::Accepted(number),
                }
            }
            504 => Response::Failed("504".to_owned()),
            status @ (500 | 503) => Response::Refused(status),
            status => panic!("a valid order was answered {status}: {answer:?}"),
        };
    }
    Response::Failed("nobody listens".to_owned())
}

/// Who cancels an order as soon as it is accepted. Cooks may have it already.
#[derive(Clone, Copy)]
enum Cancelling {
    ByGuest,
    ByStaff,
}

impl Cancelling {
    /// Who cancels the order of this number, if anybody does.
    fn of(number: usize) -> Option<Self> {
        match number % 10 {
            4 => Some(Self::ByGuest),
            9 => Some(Self::ByStaff),
            _ => None,
        }
    }

    async fn cancel(self, port: u16, number: String, placed: &Answer) -> Response {
        let staff = format!("Bearer {}", menu::STAFF_KEY);
        let right = [match self {
            Self::ByGuest => ("X-Order-Token", placed.header("x-order-token")),
            Self::ByStaff => ("Authorization", staff.as_str()),
        }];
        let path = format!("/orders/{number}/cancel");
        let asking = http::try_send(port, "POST", &path, &right, b"");
        match tokio::time::timeout(RESPONSE_LIMIT, asking).await {
            Ok(Ok(answer)) if answer.status == 200 => Response::Cancelled(number),
            // A cook was faster.
            Ok(Ok(answer)) if answer.status == 409 => Response::Accepted(number),
            _ => Response::PerhapsCancelled(number),
        }
    }
}
