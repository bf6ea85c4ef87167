//! RabbitMQ's permissions for each service, so that each can have a user of its own.

use domain::ServiceName;

use crate::topology::{self, Exchange, NOTIFICATIONS_QUEUE, Queue};

/// Regular expressions for the names that a permission covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// To declare.
    pub configure: String,
    /// To publish to an exchange, to bind a queue.
    pub write: String,
    /// To consume a queue, to bind to an exchange.
    pub read: String,
}

/// The minimal permissions of a service; `None` if it does not use the broker.
pub fn of(service: ServiceName) -> Option<Permissions> {
    // RabbitMQ requires read permission to declare a queue with a dead-letter exchange.
    let holds_orders = |queue: &&Queue| queue.holds_orders();
    let is_stream = |queue: &&Queue| queue.name == NOTIFICATIONS_QUEUE;
    match service {
        // Both declare everything. The order service publishes orders and status updates. The
        // kitchen consumes orders, and publishes status updates and dead letters.
        ServiceName::Order | ServiceName::Kitchen => Some(permissions(&topology::all(), true, holds_orders)),
        // It reads status updates.
        ServiceName::Notifier => Some(permissions(&topology::notifications(), false, is_stream)),
        ServiceName::Tracking => None,
    }
}

/// The permissions of a user that declares all of this, publishes to its exchanges or not, and
/// reads some of its queues.
fn permissions(
    (exchanges, queues): &(Vec<Exchange>, Vec<Queue>),
    publishes: bool,
    reads: impl Fn(&&Queue) -> bool,
) -> Permissions {
    let of_exchanges = || exchanges.iter().map(|exchange| exchange.name);
    let of_queues = || queues.iter().map(|queue| queue.name);
    Permissions {
        configure: one_of(of_exchanges().chain(of_queues())),
        write: one_of(of_exchanges().filter(|_| publishes).chain(of_queues())),
        read: one_of(of_exchanges().chain(queues.iter().filter(reads).map(|queue| queue.name))),
    }
}

/// The names consist of letters and underscores, so none needs escaping.
fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("^({})$", names.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_has_to_do_with_notifications_only() {
        let Permissions { configure, write, read } = of(ServiceName::Notifier).unwrap();
        assert_eq!(configure, "^(notifications_fanout|notifications_queue)$");
        assert_eq!(write, "^(notifications_queue)$");
        assert_eq!(read, "^(notifications_fanout|notifications_queue)$");
    }

    #[test]
    fn dead_letters_and_notifications_are_not_for_cooks() {
        for service in [ServiceName::Order, ServiceName::Kitchen] {
            let read = of(service).unwrap().read;
            assert!(
                read.contains("|kitchen_queue")
                    && !read.contains("kitchen_dlq")
                    && !read.contains("notifications_queue")
            );
        }
    }
}
