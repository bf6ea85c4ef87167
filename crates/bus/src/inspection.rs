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
    /// Its depth. `None` if the queue does not exist or cannot be reached.
    pub found: Option<Depth>,
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

/// All queues of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues(pub Vec<QueueDepth>);

impl Queues {
    /// The depth of a queue that exists.
    pub fn depth(&self, name: &str) -> Option<Depth> {
        self.0.iter().find(|queue| queue.name == name)?.found
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
    match reply {
        Reply::Done((messages, _)) => Ok(Some(messages)),
        Reply::Refused(reason) if reason.is_not_found() => Ok(None),
        Reply::Refused(reason) => Err(CountError::Untold { reason: reason.0 }),
    }
}

async fn look(settings: &Rabbitmq, name: &str, wanted: Vec<Queue>) -> Result<Queues, SessionError> {
    let mut probe = Probe::open(settings, name).await?;
    let mut queues = Vec::new();
    for queue in wanted {
        let found = match probe.passive_queue(queue.name).await? {
            Reply::Done((messages, consumers)) => {
                Some(Depth { messages, consumers: (!queue.is_stream()).then_some(consumers) })
            }
            Reply::Refused(_) => None,
        };
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
