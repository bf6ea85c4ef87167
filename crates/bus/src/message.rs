//! Messages to publish: body, properties, exchange and routing key.

mod traced;

use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT, FieldTable, FieldValue};
use domain::timestamp::Timestamp;
use domain::{OrderIdentity, OrderMessage, OrderType, RequestId, StatusUpdate, TraceParent};
use telemetry::traces::conventions::Age;

use crate::delivery::Delivery;
use crate::headers::{
    DEAD_LETTERED_AT, ORDER_IDENTITY, ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY, ORIGINAL_USER, REASON, header,
    insert, plain, text,
};
use crate::topology::{self, EventStream};
use crate::trust::UntrustedPublisher;

/// No message of a valid order is larger, in bytes (tested below). A broker that accepts this size
/// accepts all orders.
pub const LARGEST_ORDER: usize = 16_384;

/// The longest reason in a dead letter, in characters.
const MAX_REASON: usize = 1_000;

/// The address of a direct reply: alone, or followed by a dot and the token that RabbitMQ gave to
/// the asker (<https://www.rabbitmq.com/docs/direct-reply-to>).
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to";

/// The priority behind all orders, whose lowest is 1.
const END: u8 = 0;

/// A persistent message for an exchange.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: String,
    pub(crate) message_id: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
    /// For an order: its type, and so its queue.
    pub(crate) order_type: Option<OrderType>,
    /// The publisher sets `app_id` to its service. A copy of a delivery keeps the original's
    /// `app_id`.
    is_original: bool,
    /// What causes it.
    trace: Option<TraceParent>,
    age: Age,
}

impl Outgoing {
    /// The routing key it is published with.
    pub fn routing_key(&self) -> &str {
        &self.routing_key
    }

    /// Sets `app_id` to the publishing service, unless the message is a copy.
    pub(crate) fn set_publisher(&mut self, service: &str) {
        if self.is_original {
            self.properties.with_app_id(service);
        }
    }

    /// An order for the kitchen (specification, "Message Publishing"). Its message id is the order
    /// number, for people who look at queues. The identity in the header says which order is meant.
    ///
    /// # Errors
    /// The order cannot be written as JSON.
    pub fn order(
        order: &OrderMessage,
        identity: Option<&OrderIdentity>,
        placed_at: Timestamp,
        request_id: &RequestId,
    ) -> serde_json::Result<Self> {
        let message_id = order.order_number.to_string();
        let mut properties = properties(&message_id, request_id, placed_at);
        properties.with_priority(order.priority.get());
        if let Some(identity) = identity {
            let mut headers = FieldTable::new();
            insert(&mut headers, ORDER_IDENTITY, text(&identity.to_string()));
            properties.with_headers(headers);
        }
        Ok(Self {
            exchange: topology::ORDERS_EXCHANGE,
            routing_key: topology::order_routing_key(order.order_type, order.priority),
            message_id,
            properties: properties.finish(),
            body: serde_json::to_vec(order)?,
            order_type: Some(order.order_type),
            is_original: true,
            trace: request_id.trace(),
            age: Age::Fresh,
        })
    }

    /// A status update for all subscribers (specification, "Order Processing").
    ///
    /// # Errors
    /// The update cannot be written as JSON.
    pub fn status_update(update: &StatusUpdate, request_id: &RequestId) -> serde_json::Result<Self> {
        let message_id = update.message_id();
        let properties = properties(&message_id, request_id, update.timestamp);
        Ok(Self {
            exchange: topology::NOTIFICATIONS_EXCHANGE,
            routing_key: String::new(),
            message_id,
            properties,
            body: serde_json::to_vec(update)?,
            order_type: None,
            is_original: true,
            trace: request_id.trace(),
            age: Age::Fresh,
        })
    }

    /// A copy of an order's delivery for the queue of its type. `None` if the delivery was
    /// published for that queue already: RabbitMQ would route each copy the same way again.
    pub fn for_its_type(delivery: &Delivery, order: &OrderMessage) -> Option<Self> {
        let key = topology::order_routing_key(order.order_type, order.priority);
        let is_there = delivery.exchange == topology::ORDERS_EXCHANGE && delivery.routing_key == key;
        (!is_there).then(|| Self::moved(delivery, &key, order.priority.get()))
    }

    /// A copy of a delivery for the end of its queue, behind all orders. `None` if it is there
    /// already, or if its body was withheld.
    pub fn for_the_end(delivery: &Delivery) -> Option<Self> {
        let is_copied = delivery.priority() > END && delivery.withheld.is_none();
        is_copied.then(|| Self::moved(delivery, &delivery.routing_key, END))
    }

    /// Names the sender of a copy of a message that was refused for it. Without this the copy would
    /// be trusted, because its `user_id` is that of whoever moves it.
    #[must_use]
    pub fn refused_for(mut self, why: &UntrustedPublisher) -> Self {
        let mut headers = self.properties.headers().cloned().unwrap_or_default();
        insert(&mut headers, ORIGINAL_USER, why.named());
        self.properties.with_headers(headers);
        self
    }

    fn moved(delivery: &Delivery, key: &str, priority: u8) -> Self {
        let mut properties = safe_properties(&delivery.properties);
        properties.with_priority(priority);
        if let Some(headers) = pointer(&delivery.properties) {
            properties.with_headers(headers);
        }
        Self {
            exchange: topology::ORDERS_EXCHANGE,
            routing_key: short(key).to_owned(),
            message_id: short(delivery.message_id().unwrap_or_default()).to_owned(),
            properties: properties.finish(),
            body: delivery.body.clone(),
            order_type: None,
            is_original: false,
            trace: delivery.trace(),
            age: Age::Fresh,
        }
    }

    /// A dead letter: the delivery's body as it came, with the reason and its original route in
    /// headers.
    pub fn dead_letter(delivery: &Delivery, reason: &str, at: Timestamp) -> Self {
        let mut headers = pointer(&delivery.properties).unwrap_or_default();
        insert(&mut headers, REASON, text(&reason.chars().take(MAX_REASON).collect::<String>()));
        insert(&mut headers, ORIGINAL_EXCHANGE, text(&delivery.exchange));
        insert(&mut headers, ORIGINAL_ROUTING_KEY, text(&delivery.routing_key));
        insert(&mut headers, DEAD_LETTERED_AT, text(&at.to_string()));
        if let Some(user) = delivery.user_id() {
            insert(&mut headers, ORIGINAL_USER, text(short(user)));
        }
        Self {
            exchange: topology::DEAD_LETTER_EXCHANGE,
            routing_key: short(&delivery.routing_key).to_owned(),
            message_id: short(delivery.message_id().unwrap_or_default()).to_owned(),
            properties: safe_properties(&delivery.properties).with_headers(headers).finish(),
            body: delivery.body.clone(),
            order_type: None,
            is_original: false,
            trace: delivery.trace(),
            age: Age::Fresh,
        }
    }

    /// An event of a request, for all who read this stream.
    pub fn event(
        stream: EventStream,
        message_id: &str,
        request_id: &RequestId,
        at: Timestamp,
        body: Vec<u8>,
    ) -> Self {
        let message_id = short(message_id);
        Self {
            exchange: stream.name(),
            routing_key: String::new(),
            message_id: message_id.to_owned(),
            properties: properties(message_id, request_id, at),
            body,
            order_type: None,
            is_original: true,
            trace: request_id.trace(),
            age: Age::Fresh,
        }
    }

    /// An answer to a message, for the queue of this name. `None` if no queue of the asker can have
    /// it: it is empty or too long, or one of ours has it. If there is no such queue, the message
    /// is [unroutable](crate::PublishError::Unroutable). Of a direct reply, RabbitMQ does not say
    /// whether anybody received it.
    pub fn reply(
        reply_to: &str,
        correlation_id: Option<&str>,
        message_id: &str,
        body: Vec<u8>,
    ) -> Option<Self> {
        let is_usable = !reply_to.is_empty() && short(reply_to) == reply_to && !topology::has_queue(reply_to);
        let message_id = short(message_id);
        let mut properties = BasicProperties::default();
        properties
            .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
            .with_content_type("application/json")
            .with_message_id(message_id);
        if let Some(correlation_id) = correlation_id {
            properties.with_correlation_id(short(correlation_id));
        }
        is_usable.then(|| Self {
            exchange: topology::DEFAULT_EXCHANGE,
            routing_key: reply_to.to_owned(),
            message_id: message_id.to_owned(),
            properties,
            body,
            order_type: None,
            is_original: true,
            trace: None,
            age: Age::Fresh,
        })
    }

    /// A copy of a request with this message id, for the end of its queue. `None` if the body was
    /// withheld.
    pub(crate) fn identified(delivery: &Delivery, message_id: &str) -> Option<Self> {
        let message_id = short(message_id);
        let mut properties = safe_properties(&delivery.properties);
        properties.with_message_id(message_id);
        if let Some(expiration) = delivery.properties.expiration() {
            properties.with_expiration(short(expiration));
        }
        if let Some(headers) = delivery.properties.headers() {
            properties.with_headers(plain(headers));
        }
        delivery.withheld.is_none().then(|| Self {
            exchange: topology::DEFAULT_EXCHANGE,
            routing_key: topology::REQUESTS_QUEUE.to_owned(),
            message_id: message_id.to_owned(),
            properties,
            body: delivery.body.clone(),
            order_type: None,
            is_original: false,
            trace: None,
            age: Age::Fresh,
        })
    }

    /// Whether RabbitMQ returns it if it is unroutable. It would also return a direct reply that
    /// has arrived.
    pub(crate) fn is_mandatory(&self) -> bool {
        self.exchange != topology::DEFAULT_EXCHANGE || !is_direct_reply(&self.routing_key)
    }

    /// A message without a route. The broker's confirm shows that it accepts messages.
    pub(crate) fn probe() -> Self {
        Self {
            exchange: topology::PROBE_EXCHANGE,
            routing_key: String::new(),
            message_id: String::new(),
            properties: BasicProperties::default(),
            body: Vec::new(),
            order_type: None,
            is_original: false,
            trace: None,
            age: Age::Fresh,
        }
    }
}

/// A queue may have any other name that begins like one.
fn is_direct_reply(address: &str) -> bool {
    let has_token = |rest: &str| rest.strip_prefix('.').is_some_and(|token| !token.is_empty());
    address.strip_prefix(DIRECT_REPLY).is_some_and(|rest| rest.is_empty() || has_token(rest))
}

/// The header with the order's identity, for copies of a message. Without it, an old message could
/// match a later order with the same number.
pub(crate) fn pointer(original: &BasicProperties) -> Option<FieldTable> {
    let identity = match header(original, ORDER_IDENTITY)? {
        // A copy's headers must fit into a frame. A longer text is no identity, cut or not.
        FieldValue::S(identity) => short(identity.as_ref()),
        _ => "not a text",
    };
    let mut headers = FieldTable::new();
    insert(&mut headers, ORDER_IDENTITY, text(identity));
    Some(headers)
}

/// The properties of a received message that its copy may have. Left out are:
/// - `expiration`: the copy would vanish from the dead letters.
/// - `user_id`: RabbitMQ refuses another user's. Who publishes the copy signs it.
/// - headers: they could route the copy elsewhere.
pub(crate) fn safe_properties(original: &BasicProperties) -> BasicProperties {
    let mut copy = BasicProperties::default();
    copy.with_delivery_mode(DELIVERY_MODE_PERSISTENT);
    if let Some(content_type) = original.content_type() {
        copy.with_content_type(short(content_type));
    }
    if let Some(content_encoding) = original.content_encoding() {
        copy.with_content_encoding(short(content_encoding));
    }
    if let Some(priority) = original.priority() {
        copy.with_priority(priority);
    }
    if let Some(correlation_id) = original.correlation_id() {
        copy.with_correlation_id(short(correlation_id));
    }
    // RabbitMQ would replace the bare name by an address of the copy's publisher.
    if let Some(reply_to) = original.reply_to().filter(|reply_to| *reply_to != DIRECT_REPLY) {
        copy.with_reply_to(short(reply_to));
    }
    if let Some(message_id) = original.message_id() {
        copy.with_message_id(short(message_id));
    }
    if let Some(timestamp) = original.timestamp() {
        copy.with_timestamp(timestamp);
    }
    if let Some(message_type) = original.message_type() {
        copy.with_message_type(short(message_type));
    }
    if let Some(app_id) = original.app_id() {
        copy.with_app_id(short(app_id));
    }
    copy
}

/// Cuts a text to the 255 bytes of an AMQP short string. A received text can be longer than that
/// after invalid UTF-8 was replaced.
fn short(text: &str) -> &str {
    const MAX_BYTES: usize = 255;
    text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or_default()
}

fn properties(message_id: &str, request_id: &RequestId, at: Timestamp) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
        .with_content_type("application/json")
        .with_message_id(message_id)
        .with_correlation_id(request_id.as_str())
        .with_timestamp(u64::try_from(at.0.unix_timestamp()).unwrap_or(0))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::MAX_BODY;

    /// Every text has its maximum length, in characters of four bytes.
    #[test]
    fn the_largest_valid_order_is_smaller_than_every_limit() {
        let letters = |count: usize| "\u{20000}".repeat(count);
        let item = serde_json::json!({"name": letters(50), "quantity": 10, "price": 999.99});
        let message = serde_json::json!({
            "order_number": "ORD_20261129_2147483647", "customer_name": letters(100), "order_type": "delivery",
            "table_number": null, "delivery_address": letters(500), "items": vec![item; domain::place_order::MAX_ITEMS],
            "total_amount": 199_998.00, "priority": 10,
        });
        let order = OrderMessage::parse(message.to_string().as_bytes()).unwrap();
        let size = serde_json::to_vec(&order).unwrap().len();
        assert!(size <= LARGEST_ORDER, "{size} bytes");
        const { assert!(LARGEST_ORDER < MAX_BODY) };
    }

    #[test]
    fn a_reply_is_mandatory_unless_rabbitmq_would_return_it_although_it_arrived() {
        let is_mandatory =
            |reply_to: &str| Outgoing::reply(reply_to, None, "r-1", Vec::new()).unwrap().is_mandatory();
        for direct in ["amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxMjM0.Q3w=="] {
            assert!(!is_mandatory(direct), "{direct}");
        }
        for queue in [
            "answers",
            "amq.rabbitmq.reply-tomorrow",
            "amq.rabbitmq.reply-to-me.token",
            "amq.rabbitmq.reply-to.",
        ] {
            assert!(is_mandatory(queue), "{queue}");
        }
        assert!(Outgoing::probe().is_mandatory());
    }
}
