//! Status updates in the form in which the kitchen publishes them.

use std::sync::atomic::{AtomicU64, Ordering};

use amqprs::BasicProperties;
use serde_json::{Value, json};
use testkit::{Broker, Service};

/// The exchange of the specification.
pub const EXCHANGE: &str = "notifications_fanout";
/// The queue of the specification.
pub const QUEUE: &str = "notifications_queue";

/// The specification's example, for the `place`-th order of that day.
pub fn cooking(place: u32) -> Value {
    json!({
        "order_number": number(place),
        "old_status": "received",
        "new_status": "cooking",
        "changed_by": "chef_mario",
        "timestamp": "2024-12-16T10:32:00.000Z",
        "estimated_completion": "2024-12-16T10:42:00.000Z"
    })
}

/// The number of that order.
pub fn number(place: u32) -> String {
    format!("ORD_20241216_{place:03}")
}

/// Its line on the console.
pub fn sentence(place: u32) -> String {
    format!(
        "Notification for order {}: Status changed from 'received' to 'cooking' by chef_mario.",
        number(place)
    )
}

/// Publishes an update under a new message id.
pub async fn publish(broker: &Broker, update: &Value) {
    static PUBLISHED: AtomicU64 = AtomicU64::new(0);
    let message_id = PUBLISHED.fetch_add(1, Ordering::Relaxed);
    publish_as(broker, &message_id.to_string(), &update.to_string()).await;
}

/// Publishes a body under this message id.
pub async fn publish_as(broker: &Broker, message_id: &str, body: &str) {
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json")
        .with_message_id(message_id)
        .with_correlation_id("a1b2c3d4e5f6")
        .finish();
    broker.publish(EXCHANGE, "", properties, body).await;
}

/// Publishes updates of these orders, in sequence.
pub async fn publish_orders(broker: &Broker, places: impl IntoIterator<Item = u32>) {
    for place in places {
        publish(broker, &cooking(place)).await;
    }
}

/// Waits for the update of an order, and returns all console lines up to then.
pub async fn shown_until(subscriber: &Service, place: u32) -> Vec<String> {
    subscriber.notification(&number(place)).await;
    subscriber.console()
}

/// The sentences of these orders.
pub fn sentences(places: impl IntoIterator<Item = u32>) -> Vec<String> {
    places.into_iter().map(sentence).collect()
}
