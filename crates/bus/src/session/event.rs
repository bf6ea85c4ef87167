//! What happens to a connection and its channel.

/// An event from RabbitMQ or from the network.
#[derive(Debug)]
pub(crate) enum Event {
    /// RabbitMQ has confirmed these messages.
    Confirmed { tag: u64, multiple: bool },
    /// RabbitMQ has rejected these messages.
    Rejected { tag: u64, multiple: bool },
    /// This message was unroutable. Its confirm follows.
    Returned(Returned),
    /// RabbitMQ ended a consumer, for example because its queue was deleted.
    ConsumerCancelled,
    /// An alarm for memory or disk space blocks publishing on this connection.
    Blocked(String),
    /// The alarm has ended.
    Unblocked,
    /// The channel or the connection is closed.
    Closed(String),
}

/// A message that came back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) message_id: String,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    /// RabbitMQ's reason.
    pub(crate) reason: String,
}
