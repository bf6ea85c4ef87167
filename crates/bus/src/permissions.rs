//! RabbitMQ's permissions for each service, and for the exporter, so that each can have a user of
//! its own.

use std::collections::BTreeSet;

use domain::{ServerUser, ServiceName};

use crate::topology::{self, Exchange, NOTIFICATIONS_QUEUE, Queue};

/// RabbitMQ checks permissions on the default exchange under this name, here as a regular
/// expression.
const DEFAULT_EXCHANGE: &str = r"amq\.default";

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

/// The minimal permissions of a service or the exporter; `None` if it does not use the broker.
pub fn of(user: impl Into<ServerUser>) -> Option<Permissions> {
    let service = match user.into() {
        ServerUser::Service(service) => service,
        // It asks how many messages the queues have, which RabbitMQ tells without a permission.
        ServerUser::Exporter => return Some(nothing()),
        ServerUser::TrackingStaff | ServerUser::Pruner => return None,
    };
    // RabbitMQ requires read permission to declare a queue with a dead-letter exchange.
    let holds_orders = |queue: &&Queue| queue.holds_orders();
    let is_stream = |queue: &&Queue| queue.name == NOTIFICATIONS_QUEUE;
    match service {
        // It declares everything, publishes orders, status updates and events, and consumes
        // requests. Its replies go to any queue of an asker, so to the default exchange. It has
        // these permissions without orders by message too: switching them on needs no new ones.
        ServiceName::Order => {
            Some(permissions(&topology::all_with_intake(), true, Some(DEFAULT_EXCHANGE), holds_orders))
        }
        // It declares everything but what is for orders by message. It consumes orders, and
        // publishes status updates and dead letters.
        ServiceName::Kitchen => Some(permissions(&topology::all(), true, None, holds_orders)),
        // It reads status updates.
        ServiceName::Notifier => Some(permissions(&topology::notifications(), false, None, is_stream)),
        ServiceName::Tracking => None,
    }
}

/// The permissions of a user that declares all of this, publishes to its exchanges or not and to a
/// further one, and reads some of its queues.
fn permissions(
    (exchanges, queues): &(Vec<Exchange>, Vec<Queue>),
    publishes: bool,
    also: Option<&'static str>,
    reads: impl Fn(&&Queue) -> bool,
) -> Permissions {
    let of_exchanges = || exchanges.iter().map(|exchange| exchange.name);
    let bound = queues.iter().filter(|queue| queue.binding.is_some()).map(|queue| queue.name);
    Permissions {
        configure: one_of(of_exchanges().chain(queues.iter().map(|queue| queue.name))),
        write: one_of(of_exchanges().filter(|_| publishes).chain(also).chain(bound)),
        read: one_of(of_exchanges().chain(queues.iter().filter(reads).map(|queue| queue.name))),
    }
}

/// For a user that may only log in.
fn nothing() -> Permissions {
    let nothing = || "^$".to_owned();
    Permissions { configure: nothing(), write: nothing(), read: nothing() }
}

/// Our names consist of letters and underscores, so none needs escaping. A stream and its exchange
/// can have the same one.
fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    let names: BTreeSet<_> = names.collect();
    format!("^({})$", Vec::from_iter(names).join("|"))
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
    fn requests_and_replies_are_for_order_services() {
        let Permissions { configure, write, read } = of(ServiceName::Order).unwrap();
        for stream in topology::EventStream::ALL.map(topology::EventStream::name) {
            assert!([&configure, &write, &read].iter().all(|names| names.contains(stream)), "{stream}");
        }
        assert!(configure.contains("validated_orders") && read.contains("validated_orders"));
        assert!(write.contains(r"|amq\.default|") || write.contains(r"(amq\.default|"));
        let kitchen = of(ServiceName::Kitchen).unwrap();
        for names in [kitchen.configure, kitchen.write, kitchen.read] {
            assert!(!names.contains("amq") && !names.contains("validated_orders"), "{names}");
        }
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
