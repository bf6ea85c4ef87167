//! One connection with one channel, and everything that can happen to them as one stream of events.
//!
//! Why it is built so (amqprs 2.1):
//! - It does not reconnect; when the broker dies no callback fires, only
//!   `listen_network_io_failure` returns.
//! - `Connection::open` has no deadline; a wrong password shows as a connection reset
//!   after three seconds.
//! - A pending call that is cancelled leaves the channel in an unknown state: after a timeout the
//!   session is dropped. A call that may wait for a queue that hangs has a channel of its own
//!   ([`SideChannel`]), and only that one is dropped.
//! - Publishing on a channel that the server closed ends the connection: a closed channel is
//!   the end of the session.
//! - Two calls at once on one channel break it: one task owns a session, and calls one
//!   thing after the other.

mod callbacks;
mod side_channel;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amqprs::channel::{Channel, ConsumerMessage};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error as AmqpError;
use config::Rabbitmq;
use runtime::addresses;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use self::callbacks::Forward;
pub(crate) use self::side_channel::SideChannel;
use crate::delivery::MAX_BODY;
use crate::refusal;

/// Longest time to connect and log in.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time to wait for the answer to any call.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time for the farewell.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// A peer that is silent for twice this time is dead, in seconds.
const HEARTBEAT_SECONDS: u16 = 10;
/// A reset that comes this late during the login is the broker's answer to a wrong password.
const LOGIN_REFUSAL_PAUSE: Duration = Duration::from_millis(2_500);

/// Why there is no session, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Nobody answers there.
    #[error("RabbitMQ at {address} cannot be reached")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the connection says.
        #[source]
        why: AmqpError,
    },
    /// The broker closed the connection in the middle of the login.
    #[error(
        "RabbitMQ at {address} closed the connection during the login: the user '{user}' or the password is probably wrong"
    )]
    LoginRefused {
        /// Host and port.
        address: String,
        /// Who wanted in.
        user: String,
    },
    /// The broker let the user in, but not into the vhost.
    #[error(
        "RabbitMQ at {address} does not let the user '{user}' into the vhost '{vhost}': {reason}{}",
        refusal::hint(reason)
    )]
    Refused {
        /// Host and port.
        address: String,
        /// Who wanted in.
        user: String,
        /// Where.
        vhost: String,
        /// The broker's reason.
        reason: String,
    },
    /// No answer in time.
    #[error("RabbitMQ did not answer within {} s while {doing}", after.as_secs())]
    Timeout {
        /// What was waited for.
        doing: String,
        /// How long.
        after: Duration,
    },
    /// A call failed.
    #[error("RabbitMQ refused {doing}")]
    Call {
        /// The call.
        doing: String,
        /// What amqprs says.
        #[source]
        why: AmqpError,
    },
    /// A call failed, and the broker said why when it closed the channel.
    #[error("RabbitMQ refused {doing}: {reason}{}", refusal::hint(reason))]
    ChannelClosed {
        /// The call.
        doing: String,
        /// The broker's reason.
        reason: String,
    },
    /// None of the queues can be had; the reason of the first.
    #[error("{0}")]
    AllRefused(String),
    /// Something that could not be used can be used now; the session begins anew with it.
    #[error("the queue '{0}' can be used now")]
    QueueRecovered(&'static str),
    /// No queue took a message that one should have taken.
    #[error("RabbitMQ had no queue for a message ({0}): everything that is missing is declared again")]
    Unrouted(String),
    /// The session ended.
    #[error("the connection to RabbitMQ was lost: {reason}{hint}", reason = .0, hint = refusal::hint(.0))]
    Lost(String),
}

/// Logs in and leaves again. RabbitMQ lists the connection under `name`.
///
/// # Errors
/// RabbitMQ cannot be reached, or does not let us in.
pub async fn check(settings: &Rabbitmq, name: &str) -> Result<(), SessionError> {
    Session::open(settings, name).await?.close().await;
    Ok(())
}

/// What happens to a session from outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// The broker has taken over these messages.
    Confirmed { tag: u64, multiple: bool },
    /// The broker could not take over these messages.
    Rejected { tag: u64, multiple: bool },
    /// No queue took this message; its confirm follows.
    Returned { message_id: String, exchange: String, routing_key: String, reason: String },
    /// The broker ended a consumer, for instance because its queue was deleted.
    ConsumerCancelled,
    /// The broker takes no messages on this connection for now: it is low on memory or disk space.
    Blocked(String),
    /// It takes messages again.
    Unblocked,
    /// The channel or the connection is gone.
    Closed(String),
}

/// A connection with its channel; its owner calls [`Session::close`] at the end.
pub(crate) struct Session {
    connection: Connection,
    pub(crate) channel: Channel,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    /// Where callbacks send events; weak, so that the events end with the connection's tasks.
    forward: mpsc::WeakUnboundedSender<Event>,
    /// Whether the events of the channel count.
    channel_counts: Arc<AtomicBool>,
    /// It holds the connection too, and lets go of it when the session is dropped.
    watcher: AbortOnDropHandle<()>,
}

impl Session {
    /// Connects, logs in and opens the channel. RabbitMQ lists the connection under `name`. Bodies
    /// of more than [`MAX_BODY`] bytes are not taken in.
    pub(crate) async fn open(settings: &Rabbitmq, name: &str) -> Result<Self, SessionError> {
        Self::open_for(settings, name, MAX_BODY as u64).await
    }

    /// The same, with another limit for bodies.
    pub(crate) async fn open_for(
        settings: &Rabbitmq,
        name: &str,
        max_body: u64,
    ) -> Result<Self, SessionError> {
        let connection = connect(settings, name, max_body).await?;
        let (sender, events) = mpsc::unbounded_channel();
        let forward = sender.downgrade();
        let watcher = AbortOnDropHandle::new(tokio::spawn(watch(connection.clone(), sender.clone())));
        let channel_counts = Arc::new(AtomicBool::new(true));
        match channel_of(&connection, Arc::clone(&channel_counts), sender).await {
            Ok(channel) => Ok(Self { connection, channel, events, forward, channel_counts, watcher }),
            Err(why) => {
                farewell(connection, &watcher).await;
                Err(why)
            }
        }
    }

    /// Opens another channel in place of one that the broker closed. From then on, events are those
    /// of this channel and of the connection: whatever still becomes of the other one is nobody's
    /// concern.
    pub(crate) async fn reopen_channel(&mut self) -> Result<(), SessionError> {
        let Some(sender) = self.forward.upgrade() else {
            return Err(SessionError::Lost("its tasks ended".to_owned()));
        };
        self.channel_counts.store(false, Ordering::Relaxed);
        self.channel_counts = Arc::new(AtomicBool::new(true));
        self.channel = open_channel(&self.connection, Arc::clone(&self.channel_counts), sender).await?;
        Ok(())
    }

    /// Opens a channel beside the session's own one.
    pub(crate) async fn side_channel(&self) -> Result<SideChannel, SessionError> {
        SideChannel::open(&self.connection).await
    }

    /// Takes in other bodies from now on: up to this size, in bytes.
    pub(crate) fn set_max_body(&self, max_body: u64) {
        self.connection.set_max_body_size(max_body);
    }

    /// What the broker says of itself: its name and its version.
    pub(crate) fn server(&self) -> (String, String) {
        let properties = self.connection.server_properties();
        (properties.product().to_owned(), properties.version().to_owned())
    }

    /// Says farewell if there is still somebody to hear it.
    pub(crate) async fn close(self) {
        farewell(self.connection, &self.watcher).await;
    }

    /// Replaces amqprs' empty "channel closed" by what the broker said when it closed the channel.
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

/// Opens the connection's channel; what happens to both is sent on.
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

/// The watcher holds the connection too: it lives until both have let go of it.
async fn farewell(connection: Connection, watcher: &AbortOnDropHandle<()>) {
    // An error only means that the other side was faster.
    let _ = timeout(CLOSE_DEADLINE, connection.close()).await;
    watcher.abort();
}

/// Connects and logs in, at the first address that lets us.
async fn connect(settings: &Rabbitmq, name: &str, max_body: u64) -> Result<Connection, SessionError> {
    let deadline = Instant::now() + OPEN_DEADLINE;
    let silent = || SessionError::Timeout { doing: "connecting".to_owned(), after: OPEN_DEADLINE };
    let found = timeout_at(deadline, addresses::resolve(&settings.host, settings.port)).await;
    let found = found.map_err(|_| silent())?.map_err(|why| {
        let address = format!("{}:{}", settings.host, settings.port);
        SessionError::Unreachable { address, why: AmqpError::NetworkError(why.to_string()) }
    })?;
    let attempt = |address| connect_to(address, settings, name, max_body);
    let failures = match addresses::first_to_answer(found, deadline - Instant::now(), attempt).await {
        Ok(connection) => return Ok(connection),
        Err(failures) => failures,
    };
    // The broker that came closest to letting us in tells most.
    let rank = |failure: &SessionError| u8::from(!matches!(failure, SessionError::Unreachable { .. }));
    Err(failures.into_iter().max_by_key(rank).unwrap_or_else(silent))
}

async fn connect_to(
    address: SocketAddr,
    settings: &Rabbitmq,
    name: &str,
    max_body: u64,
) -> Result<Connection, SessionError> {
    // An IPv6 address stands in brackets before its port.
    let host = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let password = settings.password.expose_secret();
    let arguments = OpenConnectionArguments::new(&host, address.port(), &settings.user, password)
        .virtual_host(&settings.vhost)
        .connection_name(name)
        .heartbeat(HEARTBEAT_SECONDS)
        .max_body_size(max_body)
        .finish();
    let started = Instant::now();
    Connection::open(&arguments).await.map_err(|why| classify(settings, why, started.elapsed()))
}

fn classify(settings: &Rabbitmq, why: AmqpError, after: Duration) -> SessionError {
    let address = format!("{}:{}", settings.host, settings.port);
    match why {
        AmqpError::ConnectionOpenError(said) => SessionError::Refused {
            address,
            user: settings.user.clone(),
            vhost: settings.vhost.clone(),
            reason: reason_of(&said),
        },
        AmqpError::NetworkError(_) if after >= LOGIN_REFUSAL_PAUSE => {
            SessionError::LoginRefused { address, user: settings.user.clone() }
        }
        _ => SessionError::Unreachable { address, why },
    }
}

/// The broker's own words in what amqprs prints of the frame that carried them.
fn reason_of(said: &str) -> String {
    let quoted = said.split_once("reply_text: ").and_then(|(_, rest)| rest.split('"').nth(1));
    quoted.unwrap_or(said).to_owned()
}

/// Awaits a call under the deadline that every call has.
pub(crate) async fn rpc<T>(
    doing: &str,
    answer: impl Future<Output = Result<T, AmqpError>>,
) -> Result<T, SessionError> {
    rpc_within(CALL_DEADLINE, doing, answer).await
}

/// Awaits a call under a deadline of its own.
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

/// What a consumer that has been cancelled still brought. All of it arrived before the broker's
/// answer, but amqprs hands it over in a task of its own, which may have ended in the middle.
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

/// Tells of the end of the connection, however it comes.
async fn watch(connection: Connection, events: mpsc::UnboundedSender<Event>) {
    let lost = tokio::select! {
        biased;
        lost = connection.listen_network_io_failure() => lost,
        // It subscribes when first polled, and would wait for ever for what happened before.
        () = async { if connection.is_open() { std::future::pending().await } } => true,
    };
    let reason = if lost { "the network connection broke" } else { "the connection was closed" };
    let _ = events.send(Event::Closed(reason.to_owned()));
}

#[cfg(test)]
mod tests {
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
