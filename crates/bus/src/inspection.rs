//! A look at the broker that changes nothing: how full the queues are, whether the topology is
//! there, and what the user may do. RabbitMQ lists the connections under the `name` that the caller
//! gives.

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
    /// Messages that wait in it and consumers that it has, or `None` if there is no such queue, or
    /// none that can be reached.
    pub found: Option<Depth>,
}

/// How full a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait; not those in a consumer's hands. A stream's messages stay.
    pub messages: u32,
    /// Consumers at this moment. A worker that holds all it may has none. `None` for a stream,
    /// which does not tell.
    pub consumers: Option<u32>,
}

/// All queues of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues(pub Vec<QueueDepth>);

impl Queues {
    /// A queue that is there.
    pub fn depth(&self, name: &str) -> Option<Depth> {
        self.0.iter().find(|queue| queue.name == name)?.found
    }

    /// How many messages of such orders wait in their own queue; none if it is not there.
    pub fn messages_in_queue_of(&self, order_type: OrderType) -> u64 {
        self.depth(topology::kitchen_queue(order_type)).map_or(0, |depth| depth.messages.into())
    }

    /// How many messages of such orders may wait: in their own queue and in the one
    /// for what no other took.
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
/// RabbitMQ cannot be reached, does not let us in, does not answer, or has other settings.
pub async fn declare_kitchen(settings: &Rabbitmq, name: &str) -> Result<(), SessionError> {
    let mut session = Session::open(settings, name).await?;
    // What is refused concerns its type only.
    let declared = declaration::declare_kitchen(&mut session, AnswerTimeout::Long).await;
    session.close().await;
    declared.map(drop)
}

/// Looks at the queues that carry orders by passive declarations, which create nothing.
///
/// # Errors
/// RabbitMQ cannot be reached, does not let us in, or does not answer.
pub async fn kitchen_queues(settings: &Rabbitmq, name: &str) -> Result<Queues, SessionError> {
    look(settings, name, topology::kitchen().1).await
}

/// Looks at all queues by passive declarations, which create nothing.
///
/// # Errors
/// RabbitMQ cannot be reached, does not let us in, or does not answer.
pub async fn queues(settings: &Rabbitmq, name: &str) -> Result<Queues, SessionError> {
    look(settings, name, topology::all().1).await
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

/// What a program wants to do with the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// To send orders or cook them: the whole topology.
    pub orders: bool,
    /// To read status updates.
    pub notifications: bool,
}

/// What a look at the broker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The broker's name for itself.
    pub product: String,
    /// Its version, such as `3.13.7`.
    pub version: String,
    /// The exchanges and queues that are needed.
    pub parts: Vec<Part>,
    /// Rights that are needed and missing, with the name of what they are missing on. While the
    /// broker takes no messages, that to publish is not looked for.
    pub missing_rights: Vec<(Right, &'static str)>,
    /// Whether the broker goes on answering after a message was sent; `None` if the user may not
    /// send one to nowhere.
    pub takes_messages: Option<bool>,
}

/// An exchange or a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `exchange` or `queue`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How it stands to what this version declares.
    pub state: PartState,
}

/// How an exchange or a queue stands to what this version declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    /// Not there; the first service that starts declares it.
    Absent,
    /// Just as declared.
    AsDeclared,
    /// Known, and not to be reached: its node is away, or the broker has lost
    /// it. The broker's words.
    Inaccessible(String),
    /// There, with other settings: the broker's words.
    Differs(String),
    /// There, but it cannot be compared: the broker's words.
    NotComparable(String),
}

/// Looks at everything that is needed, and leaves nothing behind: see the module `probe` for how.
///
/// # Errors
/// RabbitMQ cannot be reached, does not let us in, or does not answer.
pub async fn inspect(settings: &Rabbitmq, name: &str, needs: Needs) -> Result<Inspection, SessionError> {
    let mut probe = Probe::open(settings, name).await?;
    let (product, version) = probe.server();
    // A connection on which a message was sent under an alarm is deaf from then on.
    let takes_messages = probe.takes_messages().await;
    probe.close().await;
    let mut probe = Probe::open(settings, name).await?;
    let publishes = needs.orders && takes_messages != Some(false);
    let (exchanges, queues) = if needs.orders { topology::all() } else { topology::notifications() };
    let mut parts = Vec::new();
    let mut missing_rights = Vec::new();
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

/// What to do about a reason of the broker's, if it is known.
pub fn advice(reason: &str) -> Option<&'static str> {
    refusal::advice(reason)
}

impl Part {
    /// Whether orders do without it: what is meant for people when something is wrong.
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
