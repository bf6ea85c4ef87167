//! Publishing with confirms. A message counts as sent when RabbitMQ has confirmed it.

mod connection;
mod context;
mod owner;
mod rejections;
mod serving;
mod size_limit;
mod state;
mod unconfirmed;

use std::sync::Arc;

use config::Rabbitmq;
use deadlines::broker::CONFIRM_DEADLINE;
use domain::{OrderType, ServiceName};
use futures_util::future::join_all;
use logging::Log;
use telemetry::traces::{Span, conventions};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use self::connection::Purpose;
use self::context::Context;
use self::owner::Owner;
use self::rejections::Patience;
use self::size_limit::SizeLimit;
use self::state::State;
use crate::message::Outgoing;
use crate::topology::{self, EventStream};

/// The most messages that wait to be published on a connection. Further publishers wait.
const MAX_WAITING: usize = 1_024;

/// Why a message was not confirmed. Each variant says whether the message may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection. The message was not sent.
    #[error("there is no connection to RabbitMQ")]
    NotConnected,
    /// An alarm blocks publishing. The message was not sent, or RabbitMQ did not read it.
    #[error("RabbitMQ takes no messages: {0}")]
    Blocked(String),
    /// The queue of this order type cannot be used. The message was not sent.
    #[error("the queue for the message cannot be used: {0}")]
    QueueRefused(String),
    /// It exceeds RabbitMQ's message size limit.
    #[error(
        "the message has {size} bytes, and RabbitMQ takes at most {limit}: raise max_message_size in rabbitmq.conf (orders need up to {}, events of requests may need more)",
        crate::message::LARGEST_ORDER
    )]
    TooLarge {
        /// The size of its body in bytes.
        size: usize,
        /// RabbitMQ's limit in bytes.
        limit: usize,
    },
    /// RabbitMQ rejected it (`basic.nack`).
    #[error("RabbitMQ rejected the message (basic.nack)")]
    Rejected,
    /// No queue is bound for it.
    #[error("RabbitMQ has no queue for the message: {0}")]
    Unroutable(String),
    /// The connection broke before the confirm. The message may have arrived.
    #[error("the connection to RabbitMQ was lost before the message was confirmed")]
    Lost,
    /// The confirm did not come in time. The message may have arrived.
    #[error("RabbitMQ did not confirm the message within {} s", CONFIRM_DEADLINE.as_secs())]
    NotConfirmed,
}

impl PublishError {
    /// Whether only this message failed: RabbitMQ answered, and others may be confirmed. All other
    /// errors concern the connection with all its messages.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Rejected | Self::Unroutable(_) | Self::QueueRefused(_) | Self::TooLarge { .. } => true,
            Self::NotConnected | Self::Blocked(_) | Self::Lost | Self::NotConfirmed => false,
        }
    }

    /// The reason in one word, for traces.
    fn kind(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Blocked(_) => "blocked",
            Self::QueueRefused(_) => "queue_refused",
            Self::TooLarge { .. } => "too_large",
            Self::Rejected => "rejected",
            Self::Unroutable(_) => "unroutable",
            Self::Lost => "connection_lost",
            Self::NotConfirmed => "not_confirmed",
        }
    }

    /// Whether the connection broke. On the next one, the same message may succeed.
    pub fn is_connection_loss(&self) -> bool {
        matches!(self, Self::NotConnected | Self::Lost)
    }

    /// Whether the message was sent and its outcome is unknown. The message itself may be the
    /// cause.
    pub fn was_in_flight(&self) -> bool {
        matches!(self, Self::Lost | Self::NotConfirmed)
    }

    /// Whether this message fails until the broker's settings change.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }
}

/// A handle to the publishing tasks of a service; cheap to clone.
///
/// Each stream has a connection of its own: that of status updates, and those of events. After the
/// leader of a stream restarts, RabbitMQ before 4.0 drops new messages as duplicates if their
/// channel published to other queues before. It confirms them all the same (rabbitmq-server pull
/// request 12236).
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The `app_id` of the messages that are made here.
    name: Arc<str>,
    orders: Lane,
    notifications: Lane,
    events: Arc<[(EventStream, Lane)]>,
}

/// A handle to the task of one connection.
#[derive(Clone, Debug)]
struct Lane {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
}

impl Lane {
    fn is_connected(&self) -> bool {
        self.state.borrow().is_connected()
    }

    async fn possible(&self) {
        // An error means that the task has ended. No connection will come, and publishing returns
        // that.
        let _ = self.state.clone().wait_for(State::is_connected).await;
    }
}

#[derive(Debug)]
struct Request {
    message: Outgoing,
    reply: oneshot::Sender<Result<(), PublishError>>,
}

impl Request {
    /// Answers that it was not sent. The publisher may no longer wait for the answer.
    fn refuse(self, why: PublishError) {
        let outcome = Err(why);
        unconfirmed::count(&outcome);
        let _ = self.reply.send(outcome);
    }
}

/// The pending confirm of a message.
#[derive(Debug)]
#[must_use = "a message counts as sent when it is confirmed"]
pub struct Confirm {
    answer: oneshot::Receiver<Result<(), PublishError>>,
    /// Lasts until then.
    span: Span,
}

impl Confirm {
    /// Waits until RabbitMQ answers, or for [`CONFIRM_DEADLINE`] after the message was published.
    /// Before that, the message may wait to be published. It fails at once if the session ends.
    ///
    /// # Errors
    /// RabbitMQ did not confirm the message.
    pub async fn received(self) -> Result<(), PublishError> {
        let Self { answer, mut span } = self;
        let outcome = answer.await.unwrap_or(Err(PublishError::Lost));
        if let Err(why) = &outcome {
            conventions::failed(&mut span, why.kind());
        }
        outcome
    }
}

impl Publisher {
    /// Starts the tasks. They connect, declare what they publish to, and reconnect after every
    /// failure, until all publishers are dropped. The connections for streams open after the first
    /// attempt at the one for orders. So a connected service can send orders.
    ///
    /// `name` is in the names of the connections, such as `order-service: orders_topic`, and is the
    /// `app_id` of the messages. Events can be sent to these `streams` only.
    pub fn start(
        settings: &Rabbitmq,
        service: ServiceName,
        name: &str,
        streams: &[EventStream],
        log: &Log,
    ) -> (Self, JoinHandle<()>) {
        let start = |purpose: Purpose| {
            let (requests, incoming) = mpsc::channel(MAX_WAITING);
            let (sender, state) = watch::channel(State::connecting());
            let name = format!("{name}: {}", purpose.exchange());
            let context = Context {
                settings: settings.clone(),
                purpose,
                name,
                log: log.clone(),
                incoming,
                state: sender,
                size_limit: SizeLimit::default(),
                patience: Patience::default(),
            };
            (Lane { requests, state }, Owner::new(context).run())
        };
        let purpose = if service == ServiceName::Order { Purpose::Orders } else { Purpose::DeadLetters };
        let (orders, orders_task) = start(purpose);
        let (notifications, notifications_task) = start(Purpose::StatusUpdates);
        let (mut events, mut stream_tasks) = (Vec::new(), vec![notifications_task]);
        for stream in streams {
            let (lane, task) = start(Purpose::Events(*stream));
            events.push((*stream, lane));
            stream_tasks.push(task);
        }
        let mut first = orders.state.clone();
        let tasks = tokio::spawn(async move {
            tokio::join!(orders_task, async {
                let _ = first.wait_for(|state| !matches!(state, State::Connecting { .. })).await;
                join_all(stream_tasks).await;
            });
        });
        (Self { name: name.into(), orders, notifications, events: events.into() }, tasks)
    }

    /// Connected, as it seems, and never answering: whoever drops the second part ends it.
    #[cfg(test)]
    pub(crate) fn unanswering(name: &str) -> (Self, impl Sized) {
        let (requests, incoming) = mpsc::channel(MAX_WAITING);
        let (sender, state) = watch::channel(State::Connected(Arc::default()));
        let lane = Lane { requests, state };
        let publisher =
            Self { name: name.into(), orders: lane.clone(), notifications: lane, events: Arc::default() };
        (publisher, (incoming, sender))
    }

    /// Whether orders of most types can be sent, as far as is known.
    pub fn can_send_orders(&self) -> bool {
        self.orders.is_connected()
    }

    /// Waits for a pending connection for orders, for at most
    /// [`CONNECTION_WAIT`](deadlines::broker::CONNECTION_WAIT) after the last one broke.
    ///
    /// # Errors
    /// RabbitMQ is unreachable or blocked, or did not answer in time.
    pub async fn connected_for_orders(&self) -> Result<(), PublishError> {
        state::connected(&self.orders.state).await
    }

    /// Why orders of this type cannot be sent while others can.
    pub fn refusal_of(&self, order_type: OrderType) -> Option<PublishError> {
        self.orders.state.borrow().refusal_of(order_type)
    }

    /// Whether an alarm blocks publishing.
    pub fn is_blocked(&self) -> bool {
        matches!(*self.orders.state.borrow(), State::Blocked(_))
    }

    /// Whether status updates can be sent, as far as is known.
    pub fn can_send_status_updates(&self) -> bool {
        self.notifications.is_connected()
    }

    /// Whether events can be sent to this stream, as far as is known. `false` if the publisher was
    /// started without it.
    pub fn can_send_events(&self, stream: EventStream) -> bool {
        self.events.iter().any(|(own, lane)| *own == stream && lane.is_connected())
    }

    /// Waits until orders and dead letters can be sent.
    pub async fn orders_possible(&self) {
        self.orders.possible().await;
    }

    /// Waits until status updates can be sent.
    pub async fn status_updates_possible(&self) {
        self.notifications.possible().await;
    }

    /// Waits until events can be sent to each of the streams.
    pub async fn events_possible(&self) {
        for (_, lane) in self.events.iter() {
            lane.possible().await;
        }
    }

    /// Sends a message and waits for its confirm.
    ///
    /// # Errors
    /// RabbitMQ did not confirm the message.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        self.send(message).await.received().await
    }

    /// Queues a message behind those sent before, without waiting for their confirms.
    pub async fn send(&self, mut message: Outgoing) -> Confirm {
        message.set_publisher(&self.name);
        let span = message.begin_span();
        let (reply, answer) = oneshot::channel();
        let request = Request { message, reply };
        let refused = match self.lane(request.message.exchange) {
            // An error means that the task has ended.
            Some(lane) => lane.requests.send(request).await.err().map(|refused| refused.0),
            None => Some(request),
        };
        if let Some(request) = refused {
            request.refuse(PublishError::NotConnected);
        }
        Confirm { answer, span }
    }

    /// `None` for a stream that is not among this publisher's.
    fn lane(&self, exchange: &str) -> Option<&Lane> {
        if let Some(stream) = EventStream::of_exchange(exchange) {
            return self.events.iter().find(|(of, _)| *of == stream).map(|(_, lane)| lane);
        }
        Some(if exchange == topology::NOTIFICATIONS_EXCHANGE { &self.notifications } else { &self.orders })
    }
}
