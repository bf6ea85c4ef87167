//! Lists, removes and replays dead letters, for an operator.
//!
//! AMQP cannot browse a queue without consuming it. So a [`Pass`] consumes the queue from its head,
//! acknowledges only what it removes, and requeues the rest at the end. RabbitMQ puts each message
//! back at its old position; a quorum queue puts all of them before what came later, in any order.
//! However a pass ends, by Ctrl-C, `kill -9` or a lost connection,
//! RabbitMQ requeues what was not acknowledged. Only one pass runs at a time, because a second one
//! would not see the messages that the first one holds.

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
use config::{QueueType, Rabbitmq};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use self::id::{Id, ParseIdError};
pub use self::letter::{DeadLetter, OriginalRoute};
pub use self::replay::{Replay, ReplayError};
use crate::delivery::MAX_BODY;
use crate::session::{Event, Session, SessionError, rest_of, rpc, rpc_within};
use crate::topology::DEAD_LETTER_QUEUE;

/// An exclusive queue, which only one connection can declare: the lock of a pass.
const PASS_LOCK: &str = "kitchen_dlq_pass";
/// The number of messages that are fetched together.
const WINDOW: u16 = 100;
/// The largest body that is fetched in a window, in bytes. So a window takes at most 25 MiB. A
/// larger message is fetched alone.
const WINDOW_BODY: u64 = MAX_BODY as u64;
/// The deadline of a message that is fetched alone, however large it is.
const LARGE_DEADLINE: Duration = Duration::from_mins(1);
/// One consumer tag for all windows of a classic queue: RabbitMQ requeues one consumer's messages
/// in one step, several consumers' much more slowly. A quorum queue takes a new consumer of the
/// same tag for the old one, which has all that its prefetch allows: there each window has its own
/// tag.
const CONSUMER: &str = "window";
/// If no message arrives within this time, another consumer has taken the counted ones.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(3);
/// The deadline for requeueing hundreds of thousands of messages.
const REQUEUE_DEADLINE: Duration = Duration::from_mins(2);

/// Why the dead letters cannot be read, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// No service has declared the queue yet.
    #[error("vhost '{vhost}' has no queue '{DEAD_LETTER_QUEUE}'")]
    NoQueue {
        /// The vhost.
        vhost: String,
    },
    /// Another consumer is reading it.
    #[error("somebody else is reading '{DEAD_LETTER_QUEUE}' now")]
    InUse,
    /// There is no session, or it has ended.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// One iteration over the queue, from its oldest message to the newest one at the beginning.
///
/// It holds one window of messages, at most one large message, and a few bytes per message that it
/// has seen.
pub struct Pass {
    session: Session,
    total: u32,
    unread: u32,
    window: VecDeque<ConsumerMessage>,
    /// The windows that were read with tags of their own. `None` while one tag is for all.
    own_tags: Option<u32>,
    ids: id::Counter,
}

impl Pass {
    /// Connects and counts the messages. Declares nothing that stays. RabbitMQ lists the connection
    /// under `name`.
    ///
    /// # Errors
    /// The queue does not exist, or RabbitMQ cannot be reached.
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
                let own_tags = (session.queue_type == QueueType::Quorum).then_some(0);
                Ok(Self { session, total, unread: total, window, own_tags, ids })
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

    /// The number of messages in the queue at the beginning.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Returns the next message. It stays in the queue unless it is [removed](Self::remove).
    ///
    /// # Errors
    /// The connection is lost, or another consumer reads the queue. Every message that was not
    /// removed is still in the queue.
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

    /// Removes the message from the queue. It is certain only when [`Pass::end`] has returned.
    ///
    /// # Errors
    /// The connection is lost. The message may still be in the queue.
    pub async fn remove(&mut self, letter: &DeadLetter) -> Result<(), DeadLettersError> {
        let ack = BasicAckArguments::new(letter.tag, false);
        let removed = rpc("removing a dead letter", self.session.channel.basic_ack(ack)).await;
        removed.map_err(|why| self.explain(why))
    }

    /// Requeues what was not removed. Returns the number of messages in the queue. Afterwards the
    /// removed messages are gone for certain.
    ///
    /// # Errors
    /// The connection is lost. What was not removed is in the queue. What was removed may be.
    pub async fn end(mut self) -> Result<u32, DeadLettersError> {
        let requeued = async {
            let doing = "giving the dead letters back";
            let channel = &self.session.channel;
            // Tag 0 with `multiple`: everything that is unacknowledged.
            rpc(doing, channel.basic_nack(BasicNackArguments::new(0, true, true))).await?;
            // Unlike a count, the queue answers a get only after all earlier requests.
            let answer = channel.basic_get(BasicGetArguments::new(DEAD_LETTER_QUEUE));
            let head = rpc_within(REQUEUE_DEADLINE, doing, answer).await?;
            let Some((head, ..)) = head else { return Ok(0) };
            rpc(doing, channel.basic_nack(BasicNackArguments::new(head.delivery_tag(), false, true))).await?;
            Ok(head.message_count().saturating_add(1))
        };
        let left = requeued.await.map_err(|why| self.explain(why));
        self.session.close().await;
        left
    }

    /// Fetches the next messages.
    async fn read_window(&mut self) -> Result<(), SessionError> {
        let wanted = u16::try_from(self.unread).unwrap_or(WINDOW).min(WINDOW);
        self.consume(wanted).await?;
        let lacking = wanted.saturating_sub(u16::try_from(self.window.len()).unwrap_or(u16::MAX));
        if lacking > 0 && self.own_tags.is_none() {
            // The queue need not be of the type that is set.
            self.own_tags = Some(0);
            self.consume(lacking).await?;
        }
        // Messages that arrived after the beginning are not part of the pass.
        self.window.truncate(usize::try_from(self.unread).unwrap_or(usize::MAX));
        let read = u32::try_from(self.window.len()).unwrap_or(u32::MAX);
        let is_short = read < u32::from(wanted);
        self.unread = if is_short { 0 } else { self.unread.saturating_sub(read) };
        Ok(())
    }

    /// Consumes so many messages. The prefetch counts each consumer's messages alone. So a new
    /// consumer advances although the messages of earlier ones are held.
    async fn consume(&mut self, wanted: u16) -> Result<(), SessionError> {
        let tag = match &mut self.own_tags {
            None => CONSUMER.to_owned(),
            Some(windows) => {
                *windows += 1;
                format!("{CONSUMER}-{windows}")
            }
        };
        let channel = &self.session.channel;
        rpc("setting the prefetch", channel.basic_qos(BasicQosArguments::new(0, wanted, false))).await?;
        let arguments = BasicConsumeArguments::new(DEAD_LETTER_QUEUE, &tag).exclusive(true).finish();
        let doing = format!("reading '{DEAD_LETTER_QUEUE}'");
        let (_, mut messages) = rpc(&doing, channel.basic_consume_rx(arguments)).await?;
        for _ in 0..wanted {
            let next = next_message(&mut self.session.events, &mut messages);
            match timeout(DELIVERY_DEADLINE, next).await {
                Ok(message) => self.window.push_back(message?),
                Err(_) => break,
            }
        }
        let cancel = BasicCancelArguments::new(&tag);
        rpc("cancelling a consumer", self.session.channel.basic_cancel(cancel)).await?;
        self.window.extend(rest_of(&mut messages).await?);
        Ok(())
    }

    /// Fetches a message whose body was discarded in its window. `None` if another consumer has
    /// taken it.
    async fn fetch_alone(&mut self, message: &ConsumerMessage) -> Result<Option<DeadLetter>, SessionError> {
        let Some(tag) = message.deliver.as_ref().map(Deliver::delivery_tag) else { return Ok(None) };
        let doing = "fetching a large dead letter";
        // Once requeued, it is the head of the queue: everything before it is held here, or gone.
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

/// The number of ready messages.
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
