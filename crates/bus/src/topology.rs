//! All exchanges, queues and bindings, as tables. The first service to start declares them.
//!
//! ```text
//! orders_topic ──kitchen.dine_in.*──→ kitchen_dine_in_queue
//!      │      ──kitchen.takeout.*──→ kitchen_takeout_queue
//!      │      ──kitchen.delivery.*─→ kitchen_delivery_queue
//!      └ unroutable (alternate exchange) ─→ orders_unrouted ─→ kitchen_queue
//! orders_probe ─→ no queue
//!
//! notifications_fanout ─→ notifications_queue (stream)
//! orders_dlx ─→ kitchen_dlq
//! ```
//!
//! With orders by message (`intake.enabled`) also:
//!
//! ```text
//! the default exchange ─→ validated_orders
//! order_status_updates ─→ order_status_updates (stream)
//! db_write_order_status ─→ db_write_order_status (stream)
//! ```
//!
//! Each connection declares what it needs (`declaration`). Every queue names its type, because a
//! vhost can have another default. That of orders and dead letters is a setting
//! (`rabbitmq.queue_type`).

mod definitions;

use amqprs::channel::{ExchangeDeclareArguments, QueueDeclareArguments};
use amqprs::{FieldTable, FieldValue};
use config::QueueType;
use domain::{OrderType, Priority, Specialisation};

pub use self::definitions::definitions;
use crate::headers::{insert, text};

/// Orders for the kitchen, routed by type and priority.
pub const ORDERS_EXCHANGE: &str = "orders_topic";
/// Status updates for all subscribers.
pub const NOTIFICATIONS_EXCHANGE: &str = "notifications_fanout";
/// Messages that can never be processed.
pub const DEAD_LETTER_EXCHANGE: &str = "orders_dlx";
/// Orders that no typed queue takes. They go to the safety net.
pub(crate) const UNROUTED_EXCHANGE: &str = "orders_unrouted";
/// It reaches every queue by its name. Requests come through it, and replies leave through it.
pub(crate) const DEFAULT_EXCHANGE: &str = "";
/// Without any binding. A confirm for it shows that the broker accepts messages.
pub(crate) const PROBE_EXCHANGE: &str = "orders_probe";

/// Dead letters wait here for an operator.
pub const DEAD_LETTER_QUEUE: &str = "kitchen_dlq";
/// The stream that every subscriber reads.
pub const NOTIFICATIONS_QUEUE: &str = "notifications_queue";
/// Orders that no typed queue takes.
pub const SAFETY_NET_QUEUE: &str = "kitchen_queue";

/// Requests of guests who order by message.
pub const REQUESTS_QUEUE: &str = "validated_orders";

/// A stream of events about requests. Its exchange has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStream {
    /// Each change of a request's status.
    OrderStatusUpdates,
    /// What became of a request, with all of its order.
    DbWriteOrderStatus,
}

impl EventStream {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::OrderStatusUpdates, Self::DbWriteOrderStatus];

    /// The name of the stream and of its exchange.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderStatusUpdates => "order_status_updates",
            Self::DbWriteOrderStatus => "db_write_order_status",
        }
    }

    /// The stream of this exchange.
    pub(crate) fn of_exchange(exchange: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == exchange)
    }
}

/// Readers can replay one day of a stream, or 256 MiB if that is less.
const STREAM_MAX_AGE: &str = "1D";
const STREAM_MAX_BYTES: i64 = 256 << 20;
/// A stream drops whole segments only. With the default segment of 500 MB the limits above would
/// have no effect.
const STREAM_SEGMENT_BYTES: i64 = 1_000_000;

/// The queue for orders of this type.
pub fn kitchen_queue(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::DineIn => "kitchen_dine_in_queue",
        OrderType::Takeout => "kitchen_takeout_queue",
        OrderType::Delivery => "kitchen_delivery_queue",
    }
}

/// The queues that a worker with this specialisation consumes.
pub fn queues_of(specialisation: &Specialisation) -> Vec<&'static str> {
    let typed =
        OrderType::ALL.into_iter().filter(|order_type| specialisation.cooks(*order_type)).map(kitchen_queue);
    match specialisation {
        Specialisation::General => typed.chain([SAFETY_NET_QUEUE]).collect(),
        Specialisation::Only(_) => typed.collect(),
    }
}

/// `kitchen.{order_type}.{priority}` (specification, "Message Publishing").
pub fn order_routing_key(order_type: OrderType, priority: Priority) -> String {
    format!("kitchen.{order_type}.{}", priority.get())
}

/// The argument for the queue's type. Without it a queue is of the vhost's default type.
pub(crate) const QUEUE_TYPE: &str = "x-queue-type";

/// A quorum queue removes a message that was given back more often. That must never happen: here a
/// worker gives back what it has no place for, and each look at the dead letters gives them back.
/// RabbitMQ 4 has a limit of 20 if a queue names none. -1 is no way out: RabbitMQ 4 takes it for
/// none, and 3.10 takes it and removes every message at its first return. Of a queue without a
/// limit RabbitMQ 4 puts what is given back to the end. So this is a limit that no message
/// reaches: at ten returns a second it takes three years.
const DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The exchange types.
const FANOUT: &str = "fanout";
const TOPIC: &str = "topic";

pub(crate) struct Exchange {
    pub(crate) name: &'static str,
    kind: &'static str,
    alternate: Option<&'static str>,
}

pub(crate) struct Queue {
    pub(crate) name: &'static str,
    kind: QueueKind,
    /// The exchange and the routing key. `None` if only the default exchange leads here.
    pub(crate) binding: Option<(&'static str, String)>,
}

enum QueueKind {
    /// Orders for the kitchen. RabbitMQ moves rejected messages to the dead letters. A classic
    /// queue has the highest priority first.
    Orders,
    /// Requests, in the order of their arrival. RabbitMQ moves rejected ones to the dead letters,
    /// and the oldest ones if a policy limits the length. It is always classic: quorum queues know
    /// no transactions.
    Requests,
    /// Dead letters, without any limits.
    DeadLetters,
    /// An append-only log. Each subscriber reads it from its own offset.
    Stream,
}

/// The part of the topology for status updates.
pub(crate) fn notifications() -> (Vec<Exchange>, Vec<Queue>) {
    stream(NOTIFICATIONS_EXCHANGE, NOTIFICATIONS_QUEUE)
}

/// The part of the topology for a stream of events.
pub(crate) fn events(of: EventStream) -> (Vec<Exchange>, Vec<Queue>) {
    stream(of.name(), of.name())
}

fn stream(exchange: &'static str, queue: &'static str) -> (Vec<Exchange>, Vec<Queue>) {
    (
        vec![Exchange { name: exchange, kind: FANOUT, alternate: None }],
        vec![Queue { name: queue, kind: QueueKind::Stream, binding: Some((exchange, String::new())) }],
    )
}

/// The part of the topology for orders.
pub(crate) fn kitchen() -> (Vec<Exchange>, Vec<Queue>) {
    let exchanges = vec![
        Exchange { name: UNROUTED_EXCHANGE, kind: FANOUT, alternate: None },
        Exchange { name: ORDERS_EXCHANGE, kind: TOPIC, alternate: Some(UNROUTED_EXCHANGE) },
        Exchange { name: PROBE_EXCHANGE, kind: FANOUT, alternate: None },
    ];
    let typed = OrderType::ALL.into_iter().map(|order_type| Queue {
        name: kitchen_queue(order_type),
        kind: QueueKind::Orders,
        binding: Some((ORDERS_EXCHANGE, format!("kitchen.{order_type}.*"))),
    });
    let safety_net = Queue {
        name: SAFETY_NET_QUEUE,
        kind: QueueKind::Orders,
        binding: Some((UNROUTED_EXCHANGE, String::new())),
    };
    (exchanges, typed.chain([safety_net]).collect())
}

/// The part of the topology for dead letters.
pub(crate) fn dead_letters() -> (Exchange, Queue) {
    (
        Exchange { name: DEAD_LETTER_EXCHANGE, kind: FANOUT, alternate: None },
        Queue {
            name: DEAD_LETTER_QUEUE,
            kind: QueueKind::DeadLetters,
            binding: Some((DEAD_LETTER_EXCHANGE, String::new())),
        },
    )
}

/// The queue of requests.
pub(crate) fn requests() -> Queue {
    Queue { name: REQUESTS_QUEUE, kind: QueueKind::Requests, binding: None }
}

/// The whole topology with orders by message.
pub(crate) fn all_with_intake() -> (Vec<Exchange>, Vec<Queue>) {
    let (mut exchanges, mut queues) = all();
    queues.push(requests());
    for stream in EventStream::ALL {
        let (exchange, queue) = events(stream);
        exchanges.extend(exchange);
        queues.extend(queue);
    }
    (exchanges, queues)
}

/// Whether one of our queues has this name.
pub(crate) fn has_queue(name: &str) -> bool {
    all_with_intake().1.iter().any(|queue| queue.name == name)
}

/// The whole topology without orders by message.
pub(crate) fn all() -> (Vec<Exchange>, Vec<Queue>) {
    let (mut exchanges, mut queues) = kitchen();
    let (exchange, queue) = dead_letters();
    exchanges.push(exchange);
    queues.push(queue);
    let notifications = notifications();
    exchanges.extend(notifications.0);
    queues.extend(notifications.1);
    (exchanges, queues)
}

impl Exchange {
    pub(crate) fn declaration(&self) -> ExchangeDeclareArguments {
        let mut arguments = FieldTable::new();
        if let Some(alternate) = self.alternate {
            insert(&mut arguments, "alternate-exchange", text(alternate));
        }
        ExchangeDeclareArguments::new(self.name, self.kind).durable(true).arguments(arguments).finish()
    }
}

impl Queue {
    /// As it is declared if orders wait in queues of this type.
    pub(crate) fn declaration(&self, queue_type: QueueType) -> QueueDeclareArguments {
        QueueDeclareArguments::durable_client_named(self.name).arguments(self.arguments(queue_type)).finish()
    }

    /// Whether orders wait here: for a worker, or to be placed.
    pub(crate) fn holds_orders(&self) -> bool {
        matches!(self.kind, QueueKind::Orders | QueueKind::Requests)
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.kind, QueueKind::Stream)
    }

    fn arguments(&self, queue_type: QueueType) -> FieldTable {
        let mut arguments = FieldTable::new();
        let mut set = |name: &str, value: FieldValue| insert(&mut arguments, name, value);
        let kind = match self.kind {
            QueueKind::Orders | QueueKind::DeadLetters => queue_type.as_str(),
            QueueKind::Requests => QueueType::Classic.as_str(),
            QueueKind::Stream => "stream",
        };
        set(QUEUE_TYPE, text(kind));
        match (&self.kind, queue_type) {
            (QueueKind::DeadLetters, QueueType::Classic) => {}
            (QueueKind::DeadLetters, QueueType::Quorum) => {
                set("x-delivery-limit", FieldValue::l(DELIVERY_LIMIT));
            }
            (QueueKind::Orders, QueueType::Classic) => {
                set("x-max-priority", FieldValue::l(Priority::MAX.into()));
                set("x-dead-letter-exchange", text(DEAD_LETTER_EXCHANGE));
            }
            (QueueKind::Orders, QueueType::Quorum) => {
                set("x-delivery-limit", FieldValue::l(DELIVERY_LIMIT));
                set("x-dead-letter-exchange", text(DEAD_LETTER_EXCHANGE));
                // It keeps a rejected message until the dead letters have confirmed it. RabbitMQ
                // takes this only from a queue that drops nothing when it is full.
                set("x-dead-letter-strategy", text("at-least-once"));
                set("x-overflow", text("reject-publish"));
            }
            (QueueKind::Requests, _) => {
                set("x-dead-letter-exchange", text(DEAD_LETTER_EXCHANGE));
                // Here a policy cannot choose another way: a transaction in which the queue rejects
                // the copy of a request still acknowledges the original.
                set("x-overflow", text("drop-head"));
            }
            (QueueKind::Stream, _) => {
                set("x-max-age", text(STREAM_MAX_AGE));
                set("x-max-length-bytes", FieldValue::l(STREAM_MAX_BYTES));
                set("x-stream-max-segment-size-bytes", FieldValue::l(STREAM_SEGMENT_BYTES));
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_workers_consume_all_queues_and_specialised_ones_their_own() {
        assert_eq!(
            queues_of(&Specialisation::General),
            ["kitchen_dine_in_queue", "kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_queue"]
        );
        assert_eq!(queues_of(&"takeout".parse().unwrap()), ["kitchen_takeout_queue"]);
    }

    #[test]
    fn the_specifications_routing_key() {
        assert_eq!(
            order_routing_key(OrderType::Takeout, Priority::try_from(1).unwrap()),
            "kitchen.takeout.1"
        );
    }

    fn argument(queue: &Queue, queue_type: QueueType, name: &str) -> Option<String> {
        let arguments = queue.arguments(queue_type);
        arguments.get(&name.try_into().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn orders_and_dead_letters_are_of_the_type_that_is_set_and_nothing_else_is() {
        for queue in all_with_intake().1 {
            let follows = matches!(queue.kind, QueueKind::Orders | QueueKind::DeadLetters);
            let types =
                [QueueType::Classic, QueueType::Quorum].map(|wanted| argument(&queue, wanted, QUEUE_TYPE));
            assert_eq!(types[0] != types[1], follows, "{}: {types:?}", queue.name);
        }
    }

    /// RabbitMQ would lose what it gives back too often.
    #[test]
    fn every_quorum_queue_names_a_limit_that_nothing_reaches() {
        for queue in all_with_intake().1 {
            let is_quorum = argument(&queue, QueueType::Quorum, QUEUE_TYPE).unwrap().contains("quorum");
            let limit = argument(&queue, QueueType::Quorum, "x-delivery-limit");
            assert_eq!(limit.is_some(), is_quorum, "{}: {limit:?}", queue.name);
        }
    }
}
