//! One connection with one channel, and everything that happens to them as one stream of events.
//!
//! Why it is built so (amqprs 2.1):
//! - amqprs does not reconnect. When the broker dies it runs no callback; only
//!   `listen_network_io_failure` returns.
//! - `Connection::open` has no deadline. A wrong password shows as a connection reset after three
//!   seconds.
//! - Cancelling a pending call leaves the channel in an unknown state. So a timeout drops the
//!   session. A call that may wait for a hanging queue has a channel of its own ([`SideChannel`]),
//!   and its timeout drops only that.
//! - Publishing on a channel that the server closed ends the connection. So a closed channel ends
//!   the session.
//! - Two concurrent calls on one channel break it. So one task owns a session, and makes one call
//!   at a time.

mod callbacks;
mod connect;
mod event;
mod side_channel;
mod user;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amqprs::channel::{Channel, ConsumerMessage};
use amqprs::connection::Connection;
use amqprs::error::Error as AmqpError;
use config::{QueueType, Rabbitmq};
use tls::{FilesError, Refusal, Section};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use self::callbacks::Forward;
use self::connect::{Login, connect};
pub(crate) use self::event::{Event, Returned};
pub(crate) use self::side_channel::SideChannel;
use crate::delivery::MAX_BODY;
use crate::refusal;

/// The deadline of a call.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// The deadline of closing.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// The heartbeat in seconds. A peer that is silent for twice this time is dead.
const HEARTBEAT_SECONDS: u16 = 10;

/// Why there is no session, or why it ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No connection to this address.
    #[error("RabbitMQ at {address} cannot be reached")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The error of the connection.
        #[source]
        why: AmqpError,
    },
    /// There is no connection over TLS with this server.
    #[error("RabbitMQ at {address} cannot be used: {why}; {}", .why.advice(Section::Rabbitmq))]
    Tls {
        /// Host and port.
        address: String,
        /// What is wrong.
        why: Refusal,
    },
    /// The files for TLS cannot be used.
    #[error("the connection to RabbitMQ at {address} cannot be encrypted: {why}")]
    TlsFiles {
        /// Host and port.
        address: String,
        /// What is wrong with them, and what to do.
        why: Box<FilesError>,
    },
    /// RabbitMQ closed the connection during the login.
    #[error(
        "RabbitMQ at {address} closed the connection during the login: the user '{user}' or the password is probably wrong"
    )]
    LoginRefused {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
    },
    /// RabbitMQ accepted the user, but denied access to the vhost.
    #[error(
        "RabbitMQ at {address} does not let the user '{user}' into the vhost '{vhost}': {reason}{}",
        refusal::hint(reason)
    )]
    Refused {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
        /// The vhost.
        vhost: String,
        /// RabbitMQ's reason.
        reason: String,
    },
    /// A call was not answered in time.
    #[error("RabbitMQ did not answer within {} s while {doing}", after.as_secs())]
    Timeout {
        /// The pending call.
        doing: String,
        /// The deadline.
        after: Duration,
    },
    /// A call failed.
    #[error("RabbitMQ refused {doing}")]
    Call {
        /// The call.
        doing: String,
        /// The error of amqprs.
        #[source]
        why: AmqpError,
    },
    /// A call failed: RabbitMQ closed the channel with a reason.
    #[error("RabbitMQ refused {doing}: {reason}{}", refusal::hint(reason))]
    ChannelClosed {
        /// The call.
        doing: String,
        /// RabbitMQ's reason.
        reason: String,
    },
    /// None of the queues can be used; the reason of the first.
    #[error("{0}")]
    AllRefused(String),
    /// A refused queue can be used now. The next session uses it.
    #[error("the queue '{0}' can be used now")]
    QueueRecovered(&'static str),
    /// A message was unroutable although it should have had a queue.
    #[error("RabbitMQ had no queue for a message ({0}): everything that is missing is declared again")]
    Unrouted(String),
    /// A queue rejects every message of this connection (`basic.nack`).
    #[error("RabbitMQ rejects every message for '{0}', so another connection is tried")]
    Rejecting(String),
    /// The session ended.
    #[error("the connection to RabbitMQ was lost: {reason}{hint}", reason = .0, hint = refusal::hint(.0))]
    Lost(String),
}

/// Logs in and closes the connection. RabbitMQ lists it under `name`.
///
/// # Errors
/// RabbitMQ cannot be reached, or denies access.
pub async fn check(settings: &Rabbitmq, name: &str) -> Result<(), SessionError> {
    Session::open(settings, name).await?.close().await;
    Ok(())
}

/// A connection with its channel. Its owner calls [`Session::close`] at the end.
pub(crate) struct Session {
    connection: Connection,
    pub(crate) channel: Channel,
    /// What kind of queue orders wait in.
    pub(crate) queue_type: QueueType,
    /// The name that RabbitMQ has for who logged in. `None`: it is not known, or too long.
    user: Option<String>,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    /// The sender for callbacks. Weak, so that the events end with the connection's tasks.
    forward: mpsc::WeakUnboundedSender<Event>,
    /// Cleared when the channel is replaced: its events no longer count.
    channel_counts: Arc<AtomicBool>,
    /// Holds the connection too. Dropping the session aborts it.
    watcher: AbortOnDropHandle<()>,
}

impl Session {
    /// Connects, logs in and opens the channel. RabbitMQ lists the connection under `name`. Bodies
    /// larger than [`MAX_BODY`] bytes are discarded.
    pub(crate) async fn open(settings: &Rabbitmq, name: &str) -> Result<Self, SessionError> {
        Self::open_for(settings, name, MAX_BODY as u64).await
    }

    /// As [`Session::open`], with another limit for bodies.
    pub(crate) async fn open_for(
        settings: &Rabbitmq,
        name: &str,
        max_body: u64,
    ) -> Result<Self, SessionError> {
        let Login { connection, user } = connect(settings, name, max_body).await?;
        let (sender, events) = mpsc::unbounded_channel();
        let forward = sender.downgrade();
        let watcher = AbortOnDropHandle::new(tokio::spawn(watch(connection.clone(), sender.clone())));
        let channel_counts = Arc::new(AtomicBool::new(true));
        match channel_of(&connection, Arc::clone(&channel_counts), sender).await {
            Ok(channel) => {
                let queue_type = settings.queue_type;
                Ok(Self { connection, channel, queue_type, user, events, forward, channel_counts, watcher })
            }
            Err(why) => {
                close_connection(connection, &watcher).await;
                Err(why)
            }
        }
    }

    /// Replaces a channel that RabbitMQ closed. From then on, the events are those of the new
    /// channel and of the connection.
    pub(crate) async fn reopen_channel(&mut self) -> Result<(), SessionError> {
        let Some(sender) = self.forward.upgrade() else {
            return Err(SessionError::Lost("its tasks ended".to_owned()));
        };
        self.channel_counts.store(false, Ordering::Relaxed);
        self.channel_counts = Arc::new(AtomicBool::new(true));
        self.channel = open_channel(&self.connection, Arc::clone(&self.channel_counts), sender).await?;
        Ok(())
    }

    /// Opens another channel on the connection.
    pub(crate) async fn side_channel(&self) -> Result<SideChannel, SessionError> {
        SideChannel::open(&self.connection, self.queue_type).await
    }

    /// Changes the limit for bodies, in bytes.
    pub(crate) fn set_max_body(&self, max_body: u64) {
        self.connection.set_max_body_size(max_body);
    }

    /// RabbitMQ's name and version.
    pub(crate) fn server(&self) -> (String, String) {
        let properties = self.connection.server_properties();
        (properties.product().to_owned(), properties.version().to_owned())
    }

    /// Closes the connection, if it is still open.
    pub(crate) async fn close(self) {
        close_connection(self.connection, &self.watcher).await;
    }

    /// Replaces amqprs' empty "channel closed" by the reason that RabbitMQ gave when it closed the
    /// channel.
    pub(crate) fn explain(&mut self, error: SessionError) -> SessionError {
        explain(&mut self.events, error)
    }
}

fn explain(events: &mut mpsc::UnboundedReceiver<Event>, error: SessionError) -> SessionError {
    let SessionError::Call { doing, why } = error else { return error };
    while let Ok(event) = events.try_recv() {
        if let Event::Closed(reason) = event {
            return SessionError::ChannelClosed { doing, reason };
        }
    }
    SessionError::Call { doing, why }
}

/// Opens the connection's channel, and forwards the events of both.
async fn channel_of(
    connection: &Connection,
    counts: Arc<AtomicBool>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Channel, SessionError> {
    rpc("registering for its events", connection.register_callback(Forward::always(events.clone()))).await?;
    open_channel(connection, counts, events).await
}

async fn open_channel(
    connection: &Connection,
    counts: Arc<AtomicBool>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Channel, SessionError> {
    let channel = rpc("opening a channel", connection.open_channel(None)).await?;
    rpc("registering for its events", channel.register_callback(Forward::while_it(counts, events))).await?;
    Ok(channel)
}

/// Aborts the watcher too: it holds the connection.
async fn close_connection(connection: Connection, watcher: &AbortOnDropHandle<()>) {
    // An error means only that the peer closed first.
    let _ = timeout(CLOSE_DEADLINE, connection.close()).await;
    watcher.abort();
}

/// Awaits a call under the deadline of all calls.
pub(crate) async fn rpc<T>(
    doing: &str,
    answer: impl Future<Output = Result<T, AmqpError>>,
) -> Result<T, SessionError> {
    rpc_within(CALL_DEADLINE, doing, answer).await
}

/// Awaits a call under this deadline.
pub(crate) async fn rpc_within<T>(
    deadline: Duration,
    doing: &str,
    answer: impl Future<Output = Result<T, AmqpError>>,
) -> Result<T, SessionError> {
    match timeout(deadline, answer).await {
        Ok(result) => result.map_err(|why| SessionError::Call { doing: doing.to_owned(), why }),
        Err(_) => Err(SessionError::Timeout { doing: doing.to_owned(), after: deadline }),
    }
}

/// The remaining messages of a cancelled consumer. They arrived before RabbitMQ's answer, but a
/// task of amqprs delivers them, perhaps a little later.
pub(crate) async fn rest_of(
    messages: &mut mpsc::UnboundedReceiver<ConsumerMessage>,
) -> Result<Vec<ConsumerMessage>, SessionError> {
    let mut rest = Vec::new();
    let end = async {
        while let Some(message) = messages.recv().await {
            rest.push(message);
        }
    };
    if timeout(CALL_DEADLINE, end).await.is_ok() {
        return Ok(rest);
    }
    let doing = "taking over the rest of a consumer's messages".to_owned();
    Err(SessionError::Timeout { doing, after: CALL_DEADLINE })
}

/// Reports the end of the connection, however it ends.
async fn watch(connection: Connection, events: mpsc::UnboundedSender<Event>) {
    let lost = tokio::select! {
        biased;
        lost = connection.listen_network_io_failure() => lost,
        // It subscribes at its first poll. What happened before would never wake it.
        () = async { if connection.is_open() { std::future::pending().await } } => true,
    };
    let reason = if lost { "the network connection broke" } else { "the connection was closed" };
    let _ = events.send(Event::Closed(reason.to_owned()));
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_consumer_that_never_ends_is_waited_for_no_longer_than_any_answer() {
        let (_keeps_open, mut messages) = mpsc::unbounded_channel();
        let begun = Instant::now();
        let rest = timeout(CALL_DEADLINE * 10, async { rest_of(&mut messages).await.map(drop) }).await;
        assert!(matches!(rest, Ok(Err(SessionError::Timeout { .. }))), "{rest:?}");
        assert_eq!(begun.elapsed().as_secs(), CALL_DEADLINE.as_secs());
    }
}
