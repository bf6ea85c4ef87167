//! What a test observes of an order: its row, its history, its messages.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use testkit::broker::Message;
use testkit::database::Database;
use testkit::{Broker, Stage, eventually};

/// The row of an order.
pub async fn order(database: &Database, number: &str) -> Value {
    database.rows(&format!("select * from orders where number = '{number}'")).await.remove(0)
}

/// Waits until an order has this status.
pub async fn until(database: &Database, number: &str, status: &str) {
    eventually(&format!("order {number} to be {status}"), async || {
        (order(database, number).await["status"] == status).then_some(())
    })
    .await;
}

/// The status log of an order: each status and who changed it, oldest first.
pub async fn history(database: &Database, number: &str) -> Vec<(String, String)> {
    let rows = database
        .rows(&format!(
            "select l.status, l.changed_by from order_status_log l join orders o on o.id = l.order_id
             where o.number = '{number}' order by l.id"
        ))
        .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["status"]), text(&row["changed_by"]))).collect()
}

/// The history of a correctly cooked order.
pub fn cooked_by(first: &str, last: &str) -> Vec<(String, String)> {
    [("received", "order-service"), ("cooking", first), ("ready", last)]
        .map(|(status, who)| (status.to_owned(), who.to_owned()))
        .to_vec()
}

/// The time between two statuses of an order, by the status log.
pub async fn time_between(database: &Database, number: &str, from: &str, to: &str) -> Duration {
    let seconds = database
        .value(&format!(
            "select extract(epoch from b.changed_at - a.changed_at)::float8
             from orders o join order_status_log a on a.order_id = o.id join order_status_log b on b.order_id = o.id
             where o.number = '{number}' and a.status = '{from}' and b.status = '{to}'"
        ))
        .await;
    Duration::from_secs_f64(seconds.as_f64().unwrap())
}

/// The row of a worker.
pub async fn worker(database: &Database, name: &str) -> Value {
    database.rows(&format!("select * from workers where name = '{name}'")).await.remove(0)
}

/// Waits until this many statements of the database wait for a lock.
pub async fn until_locked_out(database: &Database, count: u32) {
    let locked_out = "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'";
    eventually(&format!("{count} statements to wait for a lock"), async || {
        (database.value(locked_out).await == count).then_some(())
    })
    .await;
}

/// Copies of all messages of an exchange, from now on.
pub struct Tap {
    broker: Broker,
    queue: String,
    /// Every `message_id` that has arrived.
    known: RefCell<HashSet<String>>,
}

impl Tap {
    /// Taps the takeout orders on their way to the kitchen.
    pub async fn on_takeout_orders(stage: &Stage) -> Self {
        Self::on_orders(stage, "kitchen.takeout.*").await
    }

    /// Taps the orders with these routing keys on their way to the kitchen.
    pub async fn on_orders(stage: &Stage, key: &str) -> Self {
        Self::on(stage, "orders_topic", key).await
    }

    /// Taps the status updates. A service that declares their exchange must have started; this
    /// waits for the declaration.
    pub async fn on_updates(stage: &Stage) -> Self {
        let broker = stage.broker().await;
        eventually("the exchange of status updates", async || {
            (broker.exchange("notifications_fanout").await["type"] == "fanout").then_some(())
        })
        .await;
        broker.close().await;
        Self::on(stage, "notifications_fanout", "").await
    }

    async fn on(stage: &Stage, exchange: &str, key: &str) -> Self {
        let broker = stage.broker().await;
        let queue = broker.tap(exchange, key).await;
        Self { broker, queue, known: RefCell::default() }
    }

    /// Waits for the next message that is not a repeat.
    pub async fn next(&self) -> Message {
        loop {
            let message = self.broker.take(&self.queue).await;
            let id = message.properties.message_id().expect("every message has one");
            if self.known.borrow_mut().insert(id.clone()) {
                return message;
            }
        }
    }

    /// All messages that have arrived and were not taken yet, including repeats.
    pub async fn rest(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.broker.take_now(&self.queue).await {
            messages.push(message);
        }
        messages
    }

    /// Publishes a message again, like a relay that does not know whether it arrived.
    pub async fn repeat(&self, message: &Message) {
        let Message { exchange, routing_key, properties, body } = message;
        self.broker.publish(exchange, routing_key, properties.clone(), body).await;
    }

    /// Takes updates until all these orders are ready, and returns them in sequence.
    pub async fn changes_until_ready(&self, orders: &[&str]) -> Vec<String> {
        let mut changes = Vec::new();
        let mut missing = orders.to_vec();
        while !missing.is_empty() {
            let update = self.next().await.json();
            if update["new_status"] == "ready" {
                missing.retain(|number| update["order_number"] != *number);
            }
            changes.push(change(&update));
        }
        changes
    }
}

fn change(update: &Value) -> String {
    let text = |name: &str| update[name].as_str().unwrap().to_owned();
    format!("{}: {} by {}", text("order_number"), text("new_status"), text("changed_by"))
}

/// All queues in which orders wait.
pub const KITCHEN_QUEUES: [&str; 4] =
    ["kitchen_dine_in_queue", "kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_queue"];

/// The number of messages that wait in all kitchen queues together, without those that workers
/// hold.
pub async fn waiting(broker: &Broker) -> u32 {
    let mut sum = 0;
    for queue in KITCHEN_QUEUES {
        sum += broker.ready(queue).await;
    }
    sum
}

/// Waits until no message is in any kitchen queue or held by a worker. Messages that an ended
/// worker had not acknowledged reappear a moment later.
pub async fn until_none_left(broker: &Broker) {
    eventually("no message to be left", async || (broker.messages(&KITCHEN_QUEUES).await == 0).then_some(()))
        .await;
}

/// Waits until this many messages wait in all kitchen queues together.
pub async fn until_waiting(broker: &Broker, count: u32) {
    eventually(&format!("{count} messages to wait"), async || (waiting(broker).await == count).then_some(()))
        .await;
}
