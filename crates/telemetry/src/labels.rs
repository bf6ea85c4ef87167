//! The labels of the metrics. Each has a fixed list of values.

use domain::{OrderStatus, OrderType};

/// A value of a label.
pub trait Label: Copy + PartialEq + Send + Sync + 'static {
    /// The label's name.
    const KEY: &'static str;
    /// Every value.
    const ALL: &'static [Self];

    /// The value, as it is shown.
    fn value(self) -> &'static str;
}

/// The values of all labels of a metric: none, one, or a pair.
pub trait Labels: Copy + Send + Sync + 'static {
    /// The names of the labels.
    fn keys() -> Vec<&'static str>;

    /// Every combination, each at its place.
    fn all() -> Vec<Self>;

    /// The place among all combinations.
    fn place(self) -> usize;

    /// The values, in the order of the names.
    fn values(self) -> Vec<&'static str>;
}

impl Labels for () {
    fn keys() -> Vec<&'static str> {
        Vec::new()
    }

    fn all() -> Vec<Self> {
        vec![()]
    }

    fn place(self) -> usize {
        0
    }

    fn values(self) -> Vec<&'static str> {
        Vec::new()
    }
}

impl<L: Label> Labels for L {
    fn keys() -> Vec<&'static str> {
        vec![L::KEY]
    }

    fn all() -> Vec<Self> {
        L::ALL.to_vec()
    }

    fn place(self) -> usize {
        L::ALL.iter().position(|each| *each == self).unwrap_or_default()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.value()]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn keys() -> Vec<&'static str> {
        vec![A::KEY, B::KEY]
    }

    fn all() -> Vec<Self> {
        A::ALL.iter().flat_map(|a| B::ALL.iter().map(|b| (*a, *b))).collect()
    }

    fn place(self) -> usize {
        Labels::place(self.0) * B::ALL.len() + Labels::place(self.1)
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0.value(), self.1.value()]
    }
}

/// The names and values of these labels.
pub(crate) fn pairs<L: Labels>(labels: L) -> Vec<(&'static str, &'static str)> {
    L::keys().into_iter().zip(labels.values()).collect()
}

impl Label for OrderType {
    const KEY: &'static str = "type";
    const ALL: &'static [Self] = &OrderType::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

impl Label for OrderStatus {
    const KEY: &'static str = "status";
    const ALL: &'static [Self] = &OrderStatus::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

/// Makes an enum of the values of a label.
macro_rules! label {
    ($(#[doc = $meaning:literal])+ $name:ident, $key:literal:
     $($(#[doc = $of_value:literal])+ $variant:ident = $value:literal),+ $(,)?) => {
        $(#[doc = $meaning])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $of_value])+ $variant,)+
        }

        impl Label for $name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn value(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }
    };
}

label! {
    /// One of the two servers.
    Server, "server":
    /// PostgreSQL.
    Postgresql = "postgresql",
    /// RabbitMQ.
    Rabbitmq = "rabbitmq",
}

label! {
    /// To which server something connects.
    To, "to":
    /// PostgreSQL.
    Postgresql = "postgresql",
    /// RabbitMQ.
    Rabbitmq = "rabbitmq",
}

label! {
    /// A pool of connections to PostgreSQL.
    Pool, "pool":
    /// For most statements.
    Shared = "shared",
    /// For urgent and for long ones.
    Reserved = "reserved",
    /// To a standby, for reads.
    Replica = "replica",
    /// For names and addresses: a role of its own.
    Staff = "staff",
}

label! {
    /// A state of the circuit breaker in front of PostgreSQL.
    BreakerState, "state":
    /// Requests that need the database are taken.
    Closed = "closed",
    /// They are refused.
    Open = "open",
    /// One at a time is let through.
    HalfOpen = "half_open",
}

label! {
    /// Why a request was refused without an attempt.
    Overload, "reason":
    /// The circuit breaker is open.
    Breaker = "breaker",
    /// Its client sends too many.
    RateLimit = "rate_limit",
}

label! {
    /// What became of an order that was to be placed.
    PlaceResult, "result":
    /// It will be cooked.
    Placed = "placed",
    /// It was placed before.
    Repeated = "repeated",
    /// The menu says that it cannot be had so, or there is too little left. Or its key stands for
    /// another request, or for one that is in work.
    Refused = "refused",
    /// No orders are accepted now.
    Closed = "closed",
    /// Too many are in work.
    Busy = "busy",
    /// The service was starting.
    NotNow = "not_now",
    /// It could not be stored or sent.
    Failed = "failed",
}

label! {
    /// What became of a delivery of an order.
    KitchenResult, "result":
    /// The order was cooked, or was over already.
    Done = "done",
    /// It went back to its queue, or on to that of its type.
    Returned = "returned",
    /// It went to the dead letters.
    DeadLettered = "dead_lettered",
    /// It was left to another worker at the end of this one.
    Left = "left",
}

label! {
    /// What became of a message that asks for an order.
    IntakeResult, "result":
    /// Its request is decided.
    Decided = "decided",
    /// It waits at the end of its queue.
    Postponed = "postponed",
    /// It went to the dead letters.
    DeadLettered = "dead_lettered",
    /// It was left to the next session.
    Left = "left",
}

label! {
    /// A kind of message that a service takes in.
    Message, "message":
    /// Orders for the kitchen.
    Orders = "orders",
    /// Status updates.
    Status = "status",
    /// Requests of guests who order by message.
    Requests = "requests",
}

label! {
    /// What became of a message that was to be published.
    PublishResult, "result":
    /// RabbitMQ confirmed it.
    Confirmed = "confirmed",
    /// RabbitMQ rejected it, or it may not be sent.
    Rejected = "rejected",
    /// No queue was bound for it.
    Unroutable = "unroutable",
    /// It was not sent, or its confirm did not come: there was no connection, or an alarm, or it
    /// was too late.
    Unconfirmed = "unconfirmed",
}

label! {
    /// What several requests share a statement for.
    Batch, "batch":
    /// Orders are stored.
    Place = "place",
    /// Orders are claimed.
    Claim = "claim",
    /// Orders become ready.
    Finish = "finish",
    /// Something is looked up.
    LookUp = "look_up",
}

label! {
    /// The priority of an order.
    PriorityLevel, "priority":
    /// Of small orders.
    Low = "1",
    /// Of medium ones.
    Middle = "5",
    /// Of large ones.
    High = "10",
}

impl PriorityLevel {
    /// The level of a priority. Orders of other programs may have one between two levels, which
    /// counts as the lower one.
    pub fn of(priority: i32) -> Self {
        match priority {
            10.. => Self::High,
            5..=9 => Self::Middle,
            _ => Self::Low,
        }
    }
}

label! {
    /// A table of messages that must go out.
    Outbox, "outbox":
    /// Orders for the kitchen.
    Orders = "orders",
    /// Status updates.
    StatusUpdates = "status_updates",
    /// Events of requests.
    Requests = "requests",
}

label! {
    /// What a certificate is for.
    CertificateOf, "of":
    /// The HTTP server of the process.
    Http = "http",
    /// The process, as a client of PostgreSQL.
    DatabaseClient = "database_client",
    /// The process, as a client of RabbitMQ.
    RabbitmqClient = "rabbitmq_client",
    /// PostgreSQL.
    DatabaseServer = "database_server",
    /// RabbitMQ.
    RabbitmqServer = "rabbitmq_server",
    /// The collector of traces.
    CollectorServer = "collector_server",
}

label! {
    /// Why a span was dropped.
    DropReason, "reason":
    /// Too many wait already: the collector is away, or too slow.
    QueueFull = "queue_full",
    /// The collector did not take it, or did not answer in time.
    NotExported = "not_exported",
    /// The collector took the others of its request.
    Rejected = "rejected",
}

label! {
    /// Whether a worker lives.
    WorkerState, "state":
    /// It is registered, and sends heartbeats.
    Online = "online",
    /// It has deregistered, or sends none.
    Offline = "offline",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_has_a_level() {
        let values = [-1, 0, 1, 4, 5, 9, 10, 11].map(|priority| PriorityLevel::of(priority).value());
        assert_eq!(values, ["1", "1", "1", "1", "5", "5", "10", "10"]);
    }

    #[test]
    fn each_combination_stands_at_its_place() {
        let all = <(OrderType, OrderStatus)>::all();
        assert_eq!(all.len(), 15);
        for (place, labels) in all.into_iter().enumerate() {
            assert_eq!(labels.place(), place);
        }
        assert_eq!(
            pairs((OrderType::Takeout, OrderStatus::Ready)),
            [("type", "takeout"), ("status", "ready")]
        );
    }
}
