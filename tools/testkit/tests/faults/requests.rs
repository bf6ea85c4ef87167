//! A program that orders by message, and what must hold of its requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amqprs::BasicProperties;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use testkit::database::Database;
use testkit::{Broker, eventually};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::menu;

const QUEUE: &str = "validated_orders";
const EVENTS: &str = "order_status_updates";
/// How often each message is sent.
const COPIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// The running program.
pub struct Requests {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Sent>,
}

/// What was sent.
pub struct Sent {
    broker: Broker,
    order_ids: BTreeSet<String>,
    /// A queue with a copy of every event.
    events: String,
}

impl Requests {
    /// Sends each message several times, in disorder. If there is a menu, it orders from it. The
    /// queue of requests exists.
    pub async fn start(broker: Broker, has_menu: bool) -> Self {
        let events = broker.tap(EVENTS, "").await;
        let mut sent = Sent { broker, order_ids: BTreeSet::new(), events };
        let stop = Arc::<AtomicBool>::default();
        let stopping = Arc::clone(&stop);
        let sender = tokio::spawn(async move {
            let mut under_way = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                let body = body(sent.order_ids.len(), has_menu);
                sent.order_ids.insert(body["order_id"].as_str().unwrap().to_owned());
                under_way.extend(vec![body; COPIES]);
                under_way.shuffle(&mut rand::rng());
                for body in under_way.split_off(under_way.len() - COPIES.min(under_way.len() / 2)) {
                    sent.publish(&body).await;
                }
                sleep(PAUSE).await;
            }
            for body in under_way {
                sent.publish(&body).await;
            }
            sent
        });
        Self { stop, sender }
    }

    /// Sends the rest, and waits until no message is left, held ones included.
    pub async fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sender.await.expect("a sender that does not panic");
        eventually("all messages to be taken", async || {
            (sent.broker.messages(&[QUEUE]).await == 0).then_some(())
        })
        .await;
        sent
    }
}

/// An order of a customer who is nobody else.
fn body(number: usize, has_menu: bool) -> Value {
    let order_id = format!("019ab6ce-5d80-7c3e-8f12-{number:012}");
    let items = if has_menu {
        menu::lines(number)
    } else {
        json!([{"item_id": "sushi-set", "quantity": 1, "price": 25.5}])
    };
    json!({"order_id": order_id, "user_id": format!("Sender {number}"), "items": items})
}

impl Sent {
    async fn publish(&self, body: &Value) {
        let persistent = BasicProperties::default().with_persistence(true).finish();
        self.broker.publish("", QUEUE, persistent, &body.to_string()).await;
    }

    /// Each request is decided once: it is confirmed, and its one order was cooked, or it failed,
    /// and its order, if there is one, was not. Nobody was told otherwise.
    pub async fn are_decided_once(self, scenario: &str, database: &Database) {
        let rows = database.rows(OUTCOMES).await;
        let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
        let known: BTreeSet<String> = rows.iter().filter_map(|row| text(row, "order_id")).collect();
        assert_eq!(known, self.order_ids, "{scenario}: one row for each request");
        let told = self.told().await;
        let mut confirmed = 0;
        for row in &rows {
            let status = text(row, "status").unwrap();
            let is_so = match (status.as_str(), text(row, "order_status").as_deref()) {
                ("CONFIRMED", Some("ready")) => true,
                ("FAILED", order) => order.is_none_or(|status| status == "cancelled"),
                _ => false,
            };
            assert!(is_so, "{scenario}: {row}");
            let told = &told[&text(row, "order_id").unwrap()];
            let (end, before) = told.split_last().unwrap();
            assert!(
                *end == status && before.iter().all(|status| status == "PROCESSING"),
                "{scenario}: told {told:?} of {row}"
            );
            confirmed += usize::from(status == "CONFIRMED");
        }
        println!("  {} requests by message, {confirmed} confirmed", rows.len());
        let orphans = database.rows(ORPHANS).await;
        assert!(orphans.is_empty(), "{scenario}: orders of no request: {orphans:?}");
        self.broker.close().await;
    }

    /// What those who follow were told of each request, in sequence. An event that came again after
    /// a crash counts once.
    async fn told(&self) -> BTreeMap<String, Vec<String>> {
        let mut told = BTreeMap::<String, Vec<String>>::new();
        while let Some(event) = self.broker.take_now(&self.events).await {
            let event = event.json();
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let statuses = told.entry(text("order_id")).or_default();
            if !statuses.contains(&text("status")) {
                statuses.push(text("status"));
            }
        }
        told
    }
}

const OUTCOMES: &str = "
    select order_id, request.status, code, orders.number, orders.status as order_status
    from order_requests as request left join orders on orders.id = placed_as";

const ORPHANS: &str = "
    select number, customer_name from orders
    where customer_name like 'Sender %' and id not in (select placed_as from order_requests where placed_as is not null)";
