//! Publishing with confirms: a message counts as sent when the broker says that it has it, and not before.

mod unconfirmed;

use std::time::Duration;

use amqprs::channel::ConfirmSelectArguments;
use logging::Log;
use runtime::Backoff;
use runtime::config::Rabbitmq;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use self::unconfirmed::Unconfirmed;
use crate::message::Outgoing;
use crate::session::{Event, Session, SessionError, rpc};
use crate::topology;

/// Longest time between publishing and the broker's confirm. After it the whole session is given up: a broker that is
/// this slow is frozen, or under a memory or disk alarm.
pub const CONFIRM_DEADLINE: Duration = Duration::from_secs(5);
/// Most messages that wait for their confirm; further ones wait in line.
const MAX_UNCONFIRMED: usize = 1_024;
/// Most messages in that line; further publishers wait.
const MAX_WAITING: usize = 1_024;
/// Most messages that are published before the broker is listened to again.
const MAX_BURST: usize = 64;

/// Why a message was not sent. It may have reached the broker all the same where the text says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection at the moment. The message was not sent.
    #[error("there is no connection to RabbitMQ")]
    NotConnected,
    /// The broker refused it.
    #[error("RabbitMQ rejected the message (basic.nack)")]
    Rejected,
    /// No queue is there for it.
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
    /// Whether it is about this message alone: the broker answered, and others may have gone well meanwhile. All other errors are
    /// about the connection, and about every message on it.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Rejected | Self::Unroutable(_) => true,
            Self::NotConnected | Self::Lost | Self::NotConfirmed => false,
        }
    }
}

/// A handle to the tasks that publish for this service; cheap to clone.
///
/// Status updates have a connection of their own. When the leader of a stream restarts, RabbitMQ before 4.0 takes new
/// messages on a channel for repeats if the same channel published to other queues before
/// (rabbitmq-server pull request 12236): they would be confirmed and never stored.
#[derive(Clone, Debug)]
pub struct Publisher {
    orders: Line,
    notifications: Line,
}

/// A handle to one connection's task.
#[derive(Clone, Debug)]
struct Line {
    requests: mpsc::Sender<Request>,
    connected: watch::Receiver<bool>,
}

impl Line {
    async fn possible(&self) {
        // An error means that the task has ended: then there is no connection to come, and publishing will say so.
        let _ = self.connected.clone().wait_for(|connected| *connected).await;
    }
}

#[derive(Debug)]
struct Request {
    message: Outgoing,
    reply: oneshot::Sender<Result<(), PublishError>>,
}

/// The broker's word on a message, still to come.
#[derive(Debug)]
#[must_use = "a message counts as sent when the broker says so"]
pub struct Confirm(oneshot::Receiver<Result<(), PublishError>>);

impl Confirm {
    /// Waits for it: until the broker answers, or [`CONFIRM_DEADLINE`] after the message was published. Its turn to be
    /// published comes first; it fails at once if the session ends before that.
    ///
    /// # Errors
    /// The message is not known to have been taken over.
    pub async fn received(self) -> Result<(), PublishError> {
        self.0.await.unwrap_or(Err(PublishError::Lost))
    }
}

impl Publisher {
    /// Starts the tasks. They connect, declare what they publish to, and come back after every failure, until all
    /// publishers are dropped.
    pub fn start(settings: &Rabbitmq, service: &str, log: &Log) -> (Self, JoinHandle<()>) {
        let start = |exchange: &'static str| {
            let (requests, incoming) = mpsc::channel(MAX_WAITING);
            let (state, connected) = watch::channel(false);
            let (settings, log) = (settings.clone(), log.clone());
            let name = format!("{service}: {exchange}");
            (Line { requests, connected }, Owner { settings, exchange, name, log, incoming, state }.run())
        };
        let (orders, orders_task) = start(topology::ORDERS_EXCHANGE);
        let (notifications, notifications_task) = start(topology::NOTIFICATIONS_EXCHANGE);
        let tasks = tokio::spawn(async {
            tokio::join!(orders_task, notifications_task);
        });
        (Self { orders, notifications }, tasks)
    }

    /// Whether orders can be sent now, as far as is known.
    pub fn can_send_orders(&self) -> bool {
        *self.orders.connected.borrow()
    }

    /// Whether status updates can be sent now, as far as is known.
    pub fn can_send_status_updates(&self) -> bool {
        *self.notifications.connected.borrow()
    }

    /// Waits until orders and dead letters can be sent.
    pub async fn orders_possible(&self) {
        self.orders.possible().await;
    }

    /// Waits until status updates can be sent.
    pub async fn status_updates_possible(&self) {
        self.notifications.possible().await;
    }

    /// Sends a message and waits for the broker's confirm.
    ///
    /// # Errors
    /// The message is not known to have been taken over.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        self.send(message).await.received().await
    }

    /// Sends a message behind those that were sent before, without waiting for their confirms.
    pub async fn send(&self, message: Outgoing) -> Confirm {
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.line(&message).requests.send(Request { message, reply }).await {
            // The task has ended.
            let _ = refused.0.reply.send(Err(PublishError::NotConnected));
        }
        Confirm(answer)
    }

    fn line(&self, message: &Outgoing) -> &Line {
        if message.exchange == topology::NOTIFICATIONS_EXCHANGE { &self.notifications } else { &self.orders }
    }
}

/// The task behind the handle.
struct Owner {
    settings: Rabbitmq,
    exchange: &'static str,
    name: String,
    log: Log,
    incoming: mpsc::Receiver<Request>,
    state: watch::Sender<bool>,
}

/// Why a session is over.
enum End {
    /// Nobody publishes any more.
    Done,
    /// It failed; the next one is due.
    Failed(SessionError),
}

impl Owner {
    async fn run(mut self) {
        let mut backoff = Backoff::for_server();
        loop {
            let started = Instant::now();
            let Some(opened) =
                self.refusing_meanwhile(open(self.settings.clone(), self.exchange, self.name.clone())).await
            else {
                return;
            };
            let failure = match opened {
                Ok(session) => {
                    self.log
                        .info(
                            "rabbitmq_connected",
                            format!("Connected to RabbitMQ exchange '{}'", self.exchange),
                        )
                        .took(started.elapsed())
                        .emit();
                    self.state.send_replace(true);
                    let opened = Instant::now();
                    let end = self.serve(session).await;
                    backoff.reset_if_lasted(opened.elapsed());
                    match end {
                        End::Done => return,
                        End::Failed(why) => why,
                    }
                }
                Err(why) => why,
            };
            let pause = backoff.next_pause();
            self.log
                .error(
                    "rabbitmq_connection_failed",
                    "No connection to RabbitMQ for publishing; trying again",
                    &failure,
                )
                .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                .emit();
            if self.refusing_meanwhile(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Does something else while every message is refused at once. `None` when nobody publishes any more.
    async fn refusing_meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                request = self.incoming.recv() => {
                    // The publisher may have given up waiting.
                    let _ = request?.reply.send(Err(PublishError::NotConnected));
                }
            }
        }
    }

    /// Publishes until the session fails or nobody publishes any more. A message that no queue takes ends the session, once
    /// the others are confirmed: the next one declares what is missing.
    async fn serve(&mut self, mut session: Session) -> End {
        let mut unconfirmed = Unconfirmed::default();
        let mut unrouted = None;
        let mut burst = Vec::with_capacity(MAX_BURST);
        let end = loop {
            if unconfirmed.is_empty()
                && let Some(reason) = unrouted.take()
            {
                break End::Failed(SessionError::Unrouted(reason));
            }
            let room = MAX_UNCONFIRMED.saturating_sub(unconfirmed.len()).min(MAX_BURST);
            tokio::select! {
                biased;
                event = session.events.recv() => match event {
                    Some(Event::Confirmed { tag, multiple }) => unconfirmed.settle(tag, multiple, true),
                    Some(Event::Rejected { tag, multiple }) => unconfirmed.settle(tag, multiple, false),
                    Some(Event::Returned { reason, .. }) if self.exchange == topology::NOTIFICATIONS_EXCHANGE => {
                        // The stream was not there for a moment; now its count of this channel's messages is wrong.
                        break End::Failed(SessionError::Unrouted(reason));
                    }
                    Some(Event::Returned { message_id, reason, .. }) => {
                        unrouted = Some(reason.clone());
                        unconfirmed.returned(&message_id, reason);
                    }
                    Some(Event::ConsumerCancelled) => {}
                    Some(Event::Closed(reason)) => break End::Failed(SessionError::Lost(reason)),
                    None => break End::Failed(SessionError::Lost("its tasks ended".to_owned())),
                },
                () = sleep_until(unconfirmed.deadline()), if !unconfirmed.is_empty() => {
                    unconfirmed.fail(&PublishError::NotConfirmed);
                    let doing = "confirming a message".to_owned();
                    break End::Failed(SessionError::Timeout { doing, after: CONFIRM_DEADLINE });
                }
                count = self.incoming.recv_many(&mut burst, room), if unrouted.is_none() && room > 0 =>
                {
                    if count == 0 {
                        break End::Done;
                    }
                    if let Err(why) = unconfirmed.publish_all(&session, burst.drain(..)).await {
                        break End::Failed(why);
                    }
                }
            }
        };
        self.state.send_replace(false);
        unconfirmed.fail(&PublishError::Lost);
        session.close().await;
        end
    }
}

/// A session that may publish. What publishes to the stream must have had an answer to its declaration: just after the
/// broker's start it is not there yet, and what is published to it is lost.
async fn open(settings: Rabbitmq, exchange: &str, name: String) -> Result<Session, SessionError> {
    let mut session = Session::open(&settings, &name).await?;
    let ready = async {
        if exchange == topology::NOTIFICATIONS_EXCHANGE {
            topology::declare_notifications(&session.channel).await?;
        } else {
            topology::declare_kitchen(&session.channel).await?;
        }
        rpc("switching confirms on", session.channel.confirm_select(ConfirmSelectArguments::new(false))).await
    };
    match ready.await {
        Ok(()) => Ok(session),
        Err(why) => {
            let why = session.explain(why);
            session.close().await;
            Err(why)
        }
    }
}
