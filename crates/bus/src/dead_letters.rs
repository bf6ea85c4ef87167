//! The dead letters, for people: looked at where they lie, taken away, sent back to
//! where they came from.
//!
//! AMQP cannot look at a queue without consuming it. So a [`Pass`] consumes it from its head,
//! acknowledges only what is to go, and gives everything else back at the end: the broker puts each
//! message at its old place. However a pass ends, by Ctrl-C, kill -9 or a lost connection, the
//! broker takes back whatever was not acknowledged. While it lasts there is no other pass: it would
//! not see what this one holds.

mod fields;
#[cfg(test)]
mod fuzzing;
mod id;
mod letter;
mod replay;

use std::collections::VecDeque;
use std::time::Duration;

use amqprs::Deliver;
use amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicGetArguments, BasicNackArguments,
    BasicQosArguments, ConsumerMessage, QueueDeclareArguments,
};
use config::Rabbitmq;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use self::id::{Id, ParseIdError};
pub use self::letter::{DeadLetter, OriginalRoute};
pub use self::replay::{Replay, ReplayError};
use crate::delivery::MAX_BODY;
use crate::session::{Event, Session, SessionError, rest_of, rpc, rpc_within};
use crate::topology::DEAD_LETTER_QUEUE;

/// An exclusive queue, which only one connection can have: who has it may make a pass.
const PASS_LOCK: &str = "kitchen_dlq_pass";
/// Messages that are fetched together.
const WINDOW: u16 = 100;
/// Largest body that is fetched with others, in bytes: a window takes 25 MiB at most. A larger one
/// is fetched alone.
const WINDOW_BODY: u64 = MAX_BODY as u64;
/// Longest time in which a message that is fetched alone must have arrived, however large it is.
const LARGE_DEADLINE: Duration = Duration::from_mins(1);
/// The same one for all windows: the broker gives back what one consumer had in one step, and
/// several times as slowly what many had.
const CONSUMER: &str = "window";
/// When no message comes for so long, somebody else has taken those that were counted.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(3);
/// Longest time in which the broker must have put hundreds of thousands of messages back.
const GIVE_BACK_DEADLINE: Duration = Duration::from_mins(2);

/// Why the dead letters cannot be looked at, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// No service has declared the queue yet.
    #[error("vhost '{vhost}' has no queue '{DEAD_LETTER_QUEUE}'")]
    NoQueue {
        /// The vhost that was looked into.
        vhost: String,
    },
    /// Another consumer is reading it.
    #[error("somebody else is reading '{DEAD_LETTER_QUEUE}' now")]
    InUse,
    /// There is no session, or no longer.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// One walk through the queue, from its oldest message to what was its newest at the beginning.
///
/// It holds one window of messages, one large message at most, and a few bytes for each one that it
/// has seen.
pub struct Pass {
    session: Session,
    total: u32,
    unread: u32,
    window: VecDeque<ConsumerMessage>,
    ids: id::Counter,
}

impl Pass {
    /// Connects and counts the messages. Declares nothing. RabbitMQ lists the connection under
    /// `name`.
    ///
    /// # Errors
    /// There is no such queue, or RabbitMQ cannot be reached.
    pub async fn begin(settings: &Rabbitmq, name: &str) -> Result<Self, DeadLettersError> {
        let mut session = Session::open_for(settings, name, WINDOW_BODY).await?;
        let counted = async {
            let total = count(&session).await?;
            let lock = QueueDeclareArguments::new(PASS_LOCK).exclusive(true).auto_delete(true).finish();
            rpc(&format!("declaring queue '{PASS_LOCK}'"), session.channel.queue_declare(lock)).await?;
            Ok(total)
        };
        match counted.await {
            Ok(total) => {
                let (window, ids) = (VecDeque::new(), id::Counter::default());
                Ok(Self { session, total, unread: total, window, ids })
            }
            Err(why) => {
                let why = session.explain(why);
                session.close().await;
                match why {
                    SessionError::ChannelClosed { reason, .. } if reason.starts_with("404 ") => {
                        Err(DeadLettersError::NoQueue { vhost: settings.vhost.clone() })
                    }
                    SessionError::ChannelClosed { reason, .. } if reason.starts_with("405 ") => {
                        Err(DeadLettersError::InUse)
                    }
                    why => Err(why.into()),
                }
            }
        }
    }

    /// Messages that were in the queue at the beginning.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The next message. It stays in the queue unless it is [removed](Self::remove).
    ///
    /// # Errors
    /// The connection is lost, or somebody else reads the queue. Every message that was not removed
    /// is still in the queue.
    pub async fn next(&mut self) -> Result<Option<DeadLetter>, DeadLettersError> {
        loop {
            if self.window.is_empty() && self.unread > 0 {
                self.read_window().await.map_err(|why| self.explain(why))?;
            }
            let Some(message) = self.window.pop_front() else { return Ok(None) };
            let letter = if message.withheld.is_some() {
                self.fetch_alone(&message).await.map_err(|why| self.explain(why))?
            } else {
                DeadLetter::new(message, &mut self.ids)
            };
            if letter.is_some() {
                return Ok(letter);
            }
        }
    }

    /// Takes the message out of the queue. Certain only when [`Pass::end`] has returned.
    ///
    /// # Errors
    /// The connection is lost; the message may still be in the queue.
    pub async fn remove(&mut self, letter: &DeadLetter) -> Result<(), DeadLettersError> {
        let ack = BasicAckArguments::new(letter.tag, false);
        let removed = rpc("removing a dead letter", self.session.channel.basic_ack(ack)).await;
        removed.map_err(|why| self.explain(why))
    }

    /// Gives back what was not removed, and returns how many messages are in the queue then. What
    /// was removed is gone when this returns.
    ///
    /// # Errors
    /// The connection is lost. What was not removed is in the queue; what was removed may be.
    pub async fn end(mut self) -> Result<u32, DeadLettersError> {
        let given_back = async {
            let doing = "giving the dead letters back";
            let channel = &self.session.channel;
            // Tag 0 with "multiple": everything that is not acknowledged.
            rpc(doing, channel.basic_nack(BasicNackArguments::new(0, true, true))).await?;
            // The queue answers a get, unlike a count, only after all that came before.
            let answer = channel.basic_get(BasicGetArguments::new(DEAD_LETTER_QUEUE));
            let head = rpc_within(GIVE_BACK_DEADLINE, doing, answer).await?;
            let Some((head, ..)) = head else { return Ok(0) };
            rpc(doing, channel.basic_nack(BasicNackArguments::new(head.delivery_tag(), false, true))).await?;
            Ok(head.message_count().saturating_add(1))
        };
        let left = given_back.await.map_err(|why| self.explain(why));
        self.session.close().await;
        left
    }

    /// Fetches the next messages. The limit of a consumer counts its own messages only, so that a
    /// new one for each window walks on while the earlier messages are held.
    async fn read_window(&mut self) -> Result<(), SessionError> {
        let wanted = u16::try_from(self.unread).unwrap_or(WINDOW).min(WINDOW);
        let channel = &self.session.channel;
        rpc("setting the prefetch", channel.basic_qos(BasicQosArguments::new(0, wanted, false))).await?;
        let arguments = BasicConsumeArguments::new(DEAD_LETTER_QUEUE, CONSUMER).exclusive(true).finish();
        let doing = format!("reading '{DEAD_LETTER_QUEUE}'");
        let (_, mut messages) = rpc(&doing, channel.basic_consume_rx(arguments)).await?;
        while self.window.len() < usize::from(wanted) {
            let next = next_message(&mut self.session.events, &mut messages);
            match timeout(DELIVERY_DEADLINE, next).await {
                Ok(message) => self.window.push_back(message?),
                Err(_) => break,
            }
        }
        let cancel = BasicCancelArguments::new(CONSUMER);
        rpc("cancelling a consumer", self.session.channel.basic_cancel(cancel)).await?;
        self.window.extend(rest_of(&mut messages).await?);
        // What came since the beginning is not part of the pass.
        self.window.truncate(usize::try_from(self.unread).unwrap_or(usize::MAX));
        let read = u32::try_from(self.window.len()).unwrap_or(u32::MAX);
        let is_short = read < u32::from(wanted);
        self.unread = if is_short { 0 } else { self.unread.saturating_sub(read) };
        Ok(())
    }

    /// Fetches a message whose body was not taken in with its window; none if somebody else has
    /// taken it meanwhile.
    async fn fetch_alone(&mut self, message: &ConsumerMessage) -> Result<Option<DeadLetter>, SessionError> {
        let Some(tag) = message.deliver.as_ref().map(Deliver::delivery_tag) else { return Ok(None) };
        let doing = "fetching a large dead letter";
        // Back at its old place it is the head of the queue: everything before it is held here, or
        // gone.
        let back = BasicNackArguments::new(tag, false, true);
        rpc(doing, self.session.channel.basic_nack(back)).await?;
        self.session.set_max_body(u64::MAX);
        let get = BasicGetArguments::new(DEAD_LETTER_QUEUE);
        let got = rpc_within(LARGE_DEADLINE, doing, self.session.channel.basic_get(get)).await;
        self.session.set_max_body(WINDOW_BODY);
        Ok(got?.map(|(envelope, properties, body)| {
            DeadLetter::fetched(&envelope, properties, body, &mut self.ids)
        }))
    }

    fn explain(&mut self, why: SessionError) -> DeadLettersError {
        match self.session.explain(why) {
            SessionError::ChannelClosed { reason, .. } if reason.contains("exclusive") => {
                DeadLettersError::InUse
            }
            why => why.into(),
        }
    }
}

/// Messages in the queue that nobody holds.
async fn count(session: &Session) -> Result<u32, SessionError> {
    let passive = QueueDeclareArguments::new(DEAD_LETTER_QUEUE).passive(true).finish();
    let doing = format!("looking for queue '{DEAD_LETTER_QUEUE}'");
    let answer = rpc(&doing, session.channel.queue_declare(passive)).await?;
    Ok(answer.map_or(0, |(_, ready, _)| ready))
}

async fn next_message(
    events: &mut mpsc::UnboundedReceiver<Event>,
    messages: &mut mpsc::UnboundedReceiver<ConsumerMessage>,
) -> Result<ConsumerMessage, SessionError> {
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(Event::Closed(reason)) => return Err(SessionError::Lost(reason)),
                Some(Event::ConsumerCancelled) => {
                    return Err(SessionError::Lost(format!("the queue '{DEAD_LETTER_QUEUE}' was deleted")));
                }
                Some(_) => {}
                None => return Err(SessionError::Lost("its tasks ended".to_owned())),
            },
            message = messages.recv() => {
                return message.ok_or_else(|| SessionError::Lost("the broker sends nothing more".to_owned()));
            }
        }
    }
}
