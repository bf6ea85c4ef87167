//! What each service does with which exchange and queue, as RabbitMQ's permissions:
//! for a user of its own.

use crate::topology::{self, Exchange, NOTIFICATIONS_QUEUE, Queue};

/// A service that uses the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Declares everything, publishes orders and status updates.
    Order,
    /// Declares everything, consumes orders, publishes status updates and dead letters.
    Kitchen,
    /// Reads status updates.
    Notifier,
}

/// Regular expressions of the names on which a right is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// To declare.
    pub configure: String,
    /// To publish to an exchange, to bind a queue.
    pub write: String,
    /// To consume a queue, to bind to an exchange.
    pub read: String,
}

impl Client {
    /// What it needs, and nothing else.
    pub fn permissions(self) -> Permissions {
        let (exchanges, queues) = match self {
            Self::Order | Self::Kitchen => topology::all(),
            Self::Notifier => topology::notifications(),
        };
        let of_exchanges = || exchanges.iter().map(|exchange| exchange.name);
        let of_queues = || queues.iter().map(|queue| queue.name);
        let reads = |queue: &&Queue| match self {
            // Whoever declares a queue with a dead-letter exchange must be allowed to read it.
            Self::Order | Self::Kitchen => queue.holds_orders(),
            Self::Notifier => queue.name == NOTIFICATIONS_QUEUE,
        };
        let publishes = |_: &&Exchange| self != Self::Notifier;
        Permissions {
            configure: one_of(of_exchanges().chain(of_queues())),
            write: one_of(
                exchanges.iter().filter(publishes).map(|exchange| exchange.name).chain(of_queues()),
            ),
            read: one_of(of_exchanges().chain(queues.iter().filter(reads).map(|queue| queue.name))),
        }
    }
}

/// The names of the topology are letters and underscores: none means anything else in
/// a regular expression.
fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("^({})$", names.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_has_to_do_with_notifications_only() {
        let Permissions { configure, write, read } = Client::Notifier.permissions();
        assert_eq!(configure, "^(notifications_fanout|notifications_queue)$");
        assert_eq!(write, "^(notifications_queue)$");
        assert_eq!(read, "^(notifications_fanout|notifications_queue)$");
    }

    #[test]
    fn dead_letters_and_notifications_are_not_for_cooks() {
        for client in [Client::Order, Client::Kitchen] {
            let read = client.permissions().read;
            assert!(
                read.contains("|kitchen_queue")
                    && !read.contains("kitchen_dlq")
                    && !read.contains("notifications_queue")
            );
        }
    }
}
