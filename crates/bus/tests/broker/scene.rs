//! A vhost per test, and helpers: publishers, workers, queues.

use std::sync::atomic::{AtomicU64, Ordering};

use bus::orders::{LeasedDelivery, OrderIntake};
use bus::requests::RequestIntake;
use bus::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, REQUESTS_QUEUE, kitchen_queue};
use bus::{EventStream, Outgoing, Publisher};
use config::Rabbitmq;
use domain::timestamp::Timestamp;
use domain::{
    NewOrder, OrderIdentity, OrderMessage, OrderNumber, OrderStatus, OrderType, RequestId, ServiceName,
    StatusUpdate, place_order,
};
use serde_json::Value;
use testkit::orders::{dine_in, takeout_of};
use testkit::wait::within;
use testkit::{Broker, Proxy, Stage, eventually};
use time::macros::datetime;

use crate::log_lines::LogLines;

pub const TAKEOUT_QUEUE: &str = "kitchen_takeout_queue";
pub const DELIVERY_QUEUE: &str = "kitchen_delivery_queue";
pub const DINE_IN_QUEUE: &str = "kitchen_dine_in_queue";

/// A vhost of one test.
pub struct Scene {
    pub broker: Broker,
    pub settings: Rabbitmq,
    /// Log lines of the tested part.
    pub lines: LogLines,
    /// Log lines of all other parts.
    others: LogLines,
    pub stage: Stage,
}

impl Scene {
    /// With an empty vhost.
    pub async fn new() -> Self {
        let stage = Stage::new().await;
        let server = &stage.servers.rabbitmq;
        let settings = Rabbitmq {
            host: "127.0.0.1".to_owned(),
            port: server.port,
            user: server.user.clone(),
            password: server.password.clone().into(),
            vhost: stage.name.clone(),
            ..Rabbitmq::default()
        };
        let broker = stage.broker().await;
        Self { broker, settings, lines: LogLines::new(), others: LogLines::new(), stage }
    }

    /// Settings that lead through a proxy, which the test can cut.
    pub async fn proxy(&self) -> (Proxy, Rabbitmq) {
        let proxy = self.stage.rabbitmq_proxy().await;
        let settings = Rabbitmq { port: proxy.port(), ..self.settings.clone() };
        (proxy, settings)
    }

    /// The tested publisher, an order service's. It has declared the topology for orders.
    pub async fn publisher(&self) -> Publisher {
        publisher(&self.settings, ServiceName::Order, &self.lines).await
    }

    /// A publisher that only prepares the test.
    pub async fn other_publisher(&self, service: ServiceName) -> Publisher {
        publisher(&self.settings, service, &self.others).await
    }

    /// A connected worker for these queues.
    pub async fn intake(&self, queues: &[&'static str], prefetch: u16) -> OrderIntake {
        let lines = self.lines.of("rabbitmq_connected").len();
        let intake = OrderIntake::start(
            self.settings.clone(),
            "test",
            queues.to_vec(),
            prefetch,
            self.lines.log.clone(),
        );
        self.lines.until("rabbitmq_connected", lines + 1).await;
        intake
    }

    /// A connected order service that takes requests.
    pub async fn requests(&self, settings: &Rabbitmq, prefetch: u16) -> RequestIntake {
        let intake = RequestIntake::start(settings.clone(), "test", prefetch, self.lines.log.clone());
        let link = intake.link();
        eventually("requests to be taken", async || link.is_up().then_some(())).await;
        intake
    }

    /// Publishes a request as guests do: through the default exchange.
    pub async fn request(&self, properties: amqprs::BasicProperties, body: &str) {
        self.broker.publish("", REQUESTS_QUEUE, properties, body).await;
    }

    /// The tested publisher, an order service's that takes requests. It can send events.
    pub async fn publisher_of_events(&self) -> Publisher {
        let (settings, log) = (&self.settings, &self.lines.log);
        let (publisher, _) = Publisher::start(settings, ServiceName::Order, "test", &EventStream::ALL, log);
        within("the streams", publisher.events_possible()).await;
        publisher
    }

    /// Declares the topology for orders.
    pub async fn declared(&self) {
        bus::inspection::declare_kitchen(&self.settings, "test").await.unwrap();
    }

    /// Publishes orders as an order service does. Returns their messages.
    pub async fn sent(&self, orders: &[NewOrder]) -> Vec<OrderMessage> {
        let publisher = self.other_publisher(ServiceName::Order).await;
        let mut messages = Vec::new();
        for order in orders {
            let message = message(order);
            publisher.publish(outgoing(&message)).await.unwrap();
            messages.push(message);
        }
        messages
    }

    /// Waits until a queue has this many ready messages.
    pub async fn until_ready(&self, queue: &str, count: u32) {
        let what = format!("{count} messages in {queue}");
        eventually(&what, async || (self.broker.ready(queue).await == count).then_some(())).await;
    }

    /// Waits until these queues have this many messages, ready or unacknowledged.
    pub async fn until_messages(&self, queues: &[&str], count: u64) {
        let what = format!("{count} messages in {queues:?}");
        eventually(&what, async || (self.broker.messages(queues).await == count).then_some(())).await;
    }

    /// Takes all messages of a queue, and returns their bodies in order.
    pub async fn emptied(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(message) = self.broker.take_now(queue).await {
            bodies.push(message.body);
        }
        bodies
    }

    /// Makes the queue reject further messages.
    pub async fn full(&self, queue: &str) {
        let full = serde_json::json!({"max-length": 0, "overflow": "reject-publish"});
        self.broker.set_policy("full", &format!("^{queue}$"), full).await;
    }

    /// Declares a queue of this name without arguments, unlike ours.
    pub async fn strange_queue(&self, queue: &str) {
        self.broker.declare(queue, amqprs::FieldTable::new()).await;
    }

    /// Declares an exchange of this name, unlike ours.
    pub async fn strange_exchange(&self, exchange: &str, kind: &str) {
        let body = serde_json::json!({"type": kind, "durable": true}).to_string();
        let path = format!("/api/exchanges/{}/{exchange}", self.stage.name);
        let answer = self.stage.servers.rabbitmq_admin().request("PUT", &path, Some(&body)).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}

/// A publisher that may send.
pub async fn publisher(settings: &Rabbitmq, service: ServiceName, lines: &LogLines) -> Publisher {
    let (publisher, _) = Publisher::start(settings, service, "test", &[], &lines.log);
    within("a publisher", publisher.orders_possible()).await;
    publisher
}

/// Waits for the next order of a worker.
pub async fn next(intake: &mut OrderIntake) -> LeasedDelivery {
    within("an order", intake.next()).await.expect("it goes on")
}

/// The order in a delivery.
pub fn order_of(held: &LeasedDelivery) -> OrderMessage {
    OrderMessage::parse(&held.delivery.body).unwrap()
}

pub fn order(json: &Value) -> NewOrder {
    place_order::parse(json.to_string().as_bytes()).unwrap()
}

/// A takeout order with this total.
pub fn takeout(total: &str) -> NewOrder {
    order(&takeout_of(total))
}

pub fn at_table() -> NewOrder {
    order(&dine_in())
}

/// An order number that is unique in this process.
pub fn number() -> OrderNumber {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let sequence = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    OrderNumber::new(time::macros::date!(2026 - 11 - 20), sequence.try_into().unwrap())
}

pub fn message(order: &NewOrder) -> OrderMessage {
    OrderMessage::of(number(), order)
}

pub fn identity() -> OrderIdentity {
    "019acea0-4000-7fff-bfff-ffffffffffff".parse().unwrap()
}

pub fn request_id() -> RequestId {
    RequestId::parse("req-1").unwrap()
}

pub fn moment() -> Timestamp {
    Timestamp(datetime!(2026-11-20 12:00:00.5 UTC))
}

/// An order's message, as the order service publishes it.
pub fn outgoing(message: &OrderMessage) -> Outgoing {
    Outgoing::order(message, Some(&identity()), moment(), &request_id()).unwrap()
}

/// A status update that an order is cooking.
pub fn update() -> StatusUpdate {
    StatusUpdate {
        order_number: number(),
        old_status: OrderStatus::Received,
        new_status: OrderStatus::Cooking,
        changed_by: "chef_anna".to_owned(),
        timestamp: moment(),
        estimated_completion: None,
    }
}

/// The message of a status update.
pub fn news(update: &StatusUpdate) -> Outgoing {
    Outgoing::status_update(update, &request_id()).unwrap()
}

#[test]
fn names_are_those_of_the_topology() {
    assert_eq!(kitchen_queue(OrderType::Takeout), TAKEOUT_QUEUE);
    assert_eq!(kitchen_queue(OrderType::Delivery), DELIVERY_QUEUE);
    assert_eq!(kitchen_queue(OrderType::DineIn), DINE_IN_QUEUE);
    assert_eq!((DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE), ("orders_dlx", "kitchen_dlq"));
}
