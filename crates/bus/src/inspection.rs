//! Inspects the broker without changing it: the depth of the queues, the topology, the user's
//! permissions. RabbitMQ lists the connections under the `name` that the caller gives.

mod probe;
mod rights;

use config::Rabbitmq;
use domain::OrderType;

use self::probe::{Probe, Reply};
pub use self::rights::Right;
use crate::declaration::{self, AnswerTimeout};
use crate::refusal;
use crate::session::{Session, SessionError};
use crate::topology::{self, Queue};

/// A queue of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// Its name.
    pub name: &'static str,
    /// What RabbitMQ says of it.
    pub found: Found,
}

/// What RabbitMQ says of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It exists.
    There(Depth),
    /// Nothing has this name.
    Absent,
    /// It may have messages: RabbitMQ knows it, and does not tell. RabbitMQ's reason.
    Untold(String),
}

/// The depth of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Ready messages, without those that consumers hold. A stream's messages stay.
    pub messages: u32,
    /// Consumers now. A worker without a free permit may have none. `None` for a stream, which does
    /// not say.
    pub consumers: Option<u32>,
}

impl Found {
    fn of(reply: Reply<(u32, u32)>, is_stream: bool) -> Self {
        match reply {
            Reply::Done((messages, consumers)) => {
                Self::There(Depth { messages, consumers: (!is_stream).then_some(consumers) })
            }
            Reply::Refused(reason) if reason.is_not_found() => Self::Absent,
            Reply::Refused(reason) => Self::Untold(reason.0),
        }
    }

    /// The depth, if RabbitMQ tells it.
    pub fn depth(&self) -> Option<Depth> {
        match self {
            Self::There(depth) => Some(*depth),
            Self::Absent | Self::Untold(_) => None,
        }
    }
}

/// All queues of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues(pub Vec<QueueDepth>);

impl Queues {
    /// What RabbitMQ says of this queue. `None` if it was not asked.
    pub fn found(&self, name: &str) -> Option<&Found> {
        self.0.iter().find(|queue| queue.name == name).map(|queue| &queue.found)
    }

    /// The depth of a queue, if RabbitMQ tells it.
    pub fn depth(&self, name: &str) -> Option<Depth> {
        self.found(name)?.depth()
    }

    /// The ready messages in the queue of this type; 0 without the queue.
    pub fn messages_in_queue_of(&self, order_type: OrderType) -> u64 {
        self.depth(topology::kitchen_queue(order_type)).map_or(0, |depth| depth.messages.into())
    }

    /// The most messages of this type that can be ready: in its own queue and in the safety net.
    pub fn messages_of(&self, order_type: OrderType) -> u64 {
        [topology::kitchen_queue(order_type), topology::SAFETY_NET_QUEUE]
            .into_iter()
            .filter_map(|name| self.depth(name))
            .map(|depth| u64::from(depth.messages))
            .sum()
    }
}

/// Declares what is missing for orders.
///
/// # Errors
/// RabbitMQ cannot be reached, denies access, does not answer, or has other settings.
pub async fn declare_kitchen(settings: &Rabbitmq, name: &str) -> Result<(), SessionError> {
    let mut session = Session::open(settings, name).await?;
    // A refusal affects only its type.
    let declared = declaration::declare_kitchen(&mut session, AnswerTimeout::Long).await;
    session.close().await;
    declared.map(drop)
}

/// Reads the depth of the queues for orders by passive declarations, which create nothing.
///
/// # Errors
/// RabbitMQ cannot be reached, denies access, or does not answer.
pub async fn kitchen_queues(settings: &Rabbitmq, name: &str) -> Result<Queues, SessionError> {
    look(settings, name, topology::kitchen().1).await
}

/// Reads the depth of all queues by passive declarations, which create nothing. Those for orders by
/// message are among them if there is an `intake`.
///
/// # Errors
/// RabbitMQ cannot be reached, denies access, or does not answer.
pub async fn queues(settings: &Rabbitmq, name: &str, intake: bool) -> Result<Queues, SessionError> {
    let (_, queues) = if intake { topology::all_with_intake() } else { topology::all() };
    look(settings, name, queues).await
}

/// Why the dead letters cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// RabbitMQ cannot be reached, denies access, or does not answer.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// There may be some: RabbitMQ knows their queue, and does not tell.
    #[error("RabbitMQ does not tell how many dead letters there are: {reason}{}", refusal::hint(reason))]
    Untold {
        /// RabbitMQ's reason.
        reason: String,
    },
}

/// Counts the dead letters by a passive declaration, which creates nothing. `None` if no service
/// has declared their queue yet.
///
/// # Errors
/// RabbitMQ does not answer, or does not tell.
pub async fn dead_letters(settings: &Rabbitmq, name: &str) -> Result<Option<u32>, CountError> {
    let mut probe = Probe::open(settings, name).await?;
    let reply = probe.passive_queue(topology::DEAD_LETTER_QUEUE).await?;
    probe.close().await;
    match Found::of(reply, false) {
        Found::There(depth) => Ok(Some(depth.messages)),
        Found::Absent => Ok(None),
        Found::Untold(reason) => Err(CountError::Untold { reason }),
    }
}

async fn look(settings: &Rabbitmq, name: &str, wanted: Vec<Queue>) -> Result<Queues, SessionError> {
    let mut probe = Probe::open(settings, name).await?;
    let mut queues = Vec::new();
    for queue in wanted {
        let found = Found::of(probe.passive_queue(queue.name).await?, queue.is_stream());
        queues.push(QueueDepth { name: queue.name, found });
    }
    probe.close().await;
    Ok(Queues(queues))
}

/// What a program needs from the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// To send or cook orders: the whole topology without orders by message.
    pub orders: bool,
    /// To take orders by message and to send events: the whole topology.
    pub intake: bool,
    /// To read status updates.
    pub notifications: bool,
}

/// The result of an inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The broker's product name.
    pub product: String,
    /// Its version, such as `3.13.7`.
    pub version: String,
    /// The exchanges and queues that are needed.
    pub parts: Vec<Part>,
    /// Missing permissions, each with the name of its exchange or queue. While publishing is
    /// blocked, the permission to publish is not checked.
    pub missing_rights: Vec<(Right, &'static str)>,
    /// Whether the broker still answers after a message was published. `None` if the user may not
    /// publish to the default exchange.
    pub takes_messages: Option<bool>,
}

/// An exchange or a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `exchange` or `queue`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its state, compared with this version's declaration.
    pub state: PartState,
}

/// The state of an exchange or a queue, compared with this version's declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    /// Missing. The first service that starts declares it.
    Absent,
    /// As declared.
    AsDeclared,
    /// Known but unreachable: its node is down, or the broker has lost it. RabbitMQ's reason.
    Inaccessible(String),
    /// It exists with other settings. RabbitMQ's reason.
    Differs(String),
    /// It exists but cannot be compared. RabbitMQ's reason.
    NotComparable(String),
}

/// Inspects everything that is needed, and leaves nothing behind. The module `probe` says how.
///
/// # Errors
/// RabbitMQ cannot be reached, denies access, or does not answer.
pub async fn inspect(settings: &Rabbitmq, name: &str, needs: Needs) -> Result<Inspection, SessionError> {
    let mut probe = Probe::open(settings, name).await?;
    let (product, version) = probe.server();
    // RabbitMQ reads nothing more from a connection that published during an alarm.
    let takes_messages = probe.takes_messages().await;
    probe.close().await;
    let mut probe = Probe::open(settings, name).await?;
    let publishes = (needs.orders || needs.intake) && takes_messages != Some(false);
    let (exchanges, queues) = match needs {
        Needs { intake: true, .. } => topology::all_with_intake(),
        Needs { orders: true, .. } => topology::all(),
        Needs { .. } => topology::notifications(),
    };
    let mut parts = Vec::new();
    let mut missing_rights = Vec::new();
    if needs.intake && publishes {
        missing_rights.extend(rights::missing_for_replies(&mut probe).await?);
    }
    for exchange in &exchanges {
        missing_rights.extend(rights::missing_on_exchange(&mut probe, exchange, publishes).await?);
        let reply = probe.passive_exchange(exchange).await?;
        let state = match reply {
            Reply::Done(()) => probe.same_exchange(exchange).await?.into(),
            Reply::Refused(reason) => PartState::of_missing(reason),
        };
        parts.push(Part { kind: "exchange", name: exchange.name, state });
    }
    for queue in &queues {
        missing_rights.extend(rights::missing_on_queue(&mut probe, queue, needs).await?);
        let state = match probe.passive_queue(queue.name).await? {
            Reply::Done(_) => probe.same_queue(queue).await?.into(),
            Reply::Refused(reason) => PartState::of_missing(reason),
        };
        parts.push(Part { kind: "queue", name: queue.name, state });
    }
    probe.close().await;
    Ok(Inspection { product, version, parts, missing_rights, takes_messages })
}

/// What to do about a reason of RabbitMQ, if it is known.
pub fn advice(reason: &str) -> Option<&'static str> {
    refusal::advice(reason)
}

impl Part {
    /// Whether orders do without it. It only holds messages for an operator.
    pub fn is_dispensable(&self) -> bool {
        self.name == topology::DEAD_LETTER_QUEUE
    }
}

impl PartState {
    fn of_missing(reason: probe::Reason) -> Self {
        if reason.is_not_found() {
            Self::Absent
        } else if reason.is_inaccessible() {
            Self::Inaccessible(reason.0)
        } else {
            Self::NotComparable(reason.0)
        }
    }
}

impl From<Reply<()>> for PartState {
    fn from(reply: Reply<()>) -> Self {
        match reply {
            Reply::Done(()) => Self::AsDeclared,
            Reply::Refused(reason) if reason.is_precondition() => Self::Differs(reason.0),
            Reply::Refused(reason) => Self::NotComparable(reason.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::probe::Reason;
    use super::*;

    fn refused(reason: &str) -> Found {
        Found::of(Reply::Refused(Reason(reason.to_owned())), false)
    }

    #[test]
    fn a_queue_that_cannot_be_reached_is_not_taken_for_an_absent_one() {
        assert_eq!(refused("404 NOT_FOUND - no queue 'kitchen_dlq' in vhost '/'"), Found::Absent);
        for reason in [
            "404 NOT_FOUND - home node 'rabbit@b' of durable queue 'kitchen_dlq' in vhost '/' is down or inaccessible",
            "404 NOT_FOUND - queue 'kitchen_dlq' in vhost '/' process is stopped by supervisor or is down or inaccessible",
            "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'kitchen_dlq' in vhost '/'",
        ] {
            assert_eq!(refused(reason), Found::Untold(reason.to_owned()));
            assert_eq!(refused(reason).depth(), None);
        }
    }

    #[test]
    fn of_a_stream_no_consumers_are_told() {
        let consumers = |is_stream| Found::of(Reply::Done((2, 1)), is_stream).depth().unwrap().consumers;
        assert_eq!((consumers(false), consumers(true)), (Some(1), None));
    }
}
