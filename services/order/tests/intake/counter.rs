//! A restaurant that takes orders as messages, and a program that sends them.

use amqprs::BasicProperties;
use serde_json::{Value, json};
use testkit::broker::Message;
use testkit::database::Database;
use testkit::{Broker, Launch, Service, Stage, eventually};

/// Connections of a service that takes messages: orders, status updates, two streams of events, and
/// the messages themselves.
const CONNECTIONS: usize = 5;

pub const QUEUE: &str = "validated_orders";
pub const STATUSES: &str = "order_status_updates";
pub const OUTCOMES: &str = "db_write_order_status";

/// An order service that takes messages, and both ends of the broker.
pub struct Counter {
    pub stage: Stage,
    pub service: Service,
    pub broker: Broker,
    pub database: Database,
    /// Queues that get a copy of every event.
    pub statuses: String,
    pub outcomes: String,
}

impl Counter {
    pub async fn open() -> Self {
        Self::open_with(|launch| launch).await
    }

    pub async fn open_with(settings: impl Fn(Launch) -> Launch) -> Self {
        Self::open_on(Stage::new().await, settings).await
    }

    pub async fn open_on(stage: Stage, settings: impl Fn(Launch) -> Launch) -> Self {
        let service = settings(taking_messages(&stage)).start().await;
        service.logs("rabbitmq_connected", CONNECTIONS).await;
        let (broker, database) = (stage.broker().await, stage.database().await);
        let (statuses, outcomes) = (broker.tap(STATUSES, "").await, broker.tap(OUTCOMES, "").await);
        Self { stage, service, broker, database, statuses, outcomes }
    }

    /// Sends a body as a message.
    pub async fn send(&self, properties: BasicProperties, body: &Value) {
        self.broker.publish("", QUEUE, properties, &body.to_string()).await;
    }

    /// The next event of a status, for all who follow.
    pub async fn status(&self) -> Value {
        self.broker.take(&self.statuses).await.json()
    }

    /// The next event with the outcome of a request.
    pub async fn outcome(&self) -> Value {
        self.broker.take(&self.outcomes).await.json()
    }

    /// Waits until no message is left, held ones included.
    pub async fn until_all_are_taken(&self) {
        eventually("all messages to be taken", async || {
            (self.broker.messages(&[QUEUE]).await == 0).then_some(())
        })
        .await;
    }

    pub async fn count(&self, of: &str) -> Value {
        self.database.value(&format!("select count(*) from {of}")).await
    }
}

/// An order service of this stage that takes messages.
pub fn taking_messages(stage: &Stage) -> Launch {
    stage.order_service().env("INTAKE_ENABLED", "true")
}

/// One more service of this stage, which has begun to take messages.
pub async fn another_service(stage: &Stage) -> Service {
    let service = taking_messages(stage).start().await;
    service.logs("rabbitmq_connected", CONNECTIONS).await;
    service
}

/// A takeout order of a user.
pub fn wanted() -> Value {
    json!({"user_id": "user-001", "items": [{"item_id": "sushi-set", "quantity": 1, "price": 25.5}]})
}

/// The same, with an id.
pub fn wanted_as(order_id: &str) -> Value {
    let mut body = wanted();
    body["order_id"] = json!(order_id);
    body
}

pub fn plain() -> BasicProperties {
    BasicProperties::default().with_content_type("application/json").finish()
}

pub fn with_message_id(id: &str) -> BasicProperties {
    BasicProperties::default().with_message_id(id).finish()
}

pub const ID: &str = "019ab6ce-5d80-7c3e-8f12-3456789abcde";

/// The body of an event as JSON, with its message id.
pub fn event(message: &Message) -> (String, Value) {
    (message.properties.message_id().unwrap().clone(), message.json())
}
