//! Publishes dead letters to their original routes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use amqprs::BasicProperties;
use amqprs::channel::{BasicPublishArguments, ConfirmSelectArguments};
use config::Rabbitmq;
use deadlines::broker::CONFIRM_DEADLINE;
use tokio::time::timeout;

use super::letter::{DeadLetter, OriginalRoute};
use crate::confirms;
use crate::message::{pointer, safe_properties};
use crate::session::{Event, Returned, Session, SessionError, rpc};

/// The slowest rate at which a broker receives, in bytes per second. Large messages get a longer
/// deadline by it.
const MIN_BYTES_PER_SECOND: u64 = 1 << 20;

/// Why a dead letter was not replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Its headers name no original route, or no usable one.
    #[error("it does not say where it came from")]
    NoOrigin,
    /// No queue is bound for that route.
    #[error("no queue takes messages of exchange '{}' with the key '{}' ({reason})", .origin.exchange, .origin.routing_key)]
    Unroutable {
        /// The route.
        origin: OriginalRoute,
        /// RabbitMQ's reason.
        reason: String,
    },
    /// The exchange does not exist, or the user may not publish to it.
    #[error("RabbitMQ refuses messages for exchange '{exchange}' ({reason})")]
    ExchangeRefused {
        /// The exchange.
        exchange: String,
        /// RabbitMQ's reason.
        reason: String,
    },
    /// RabbitMQ rejected it.
    #[error("RabbitMQ rejected it (basic.nack)")]
    Rejected,
    /// The publishing connection is lost, and nothing more can be sent. The message may have
    /// arrived.
    #[error("it was not confirmed: {0}")]
    Lost(String),
}

/// Publishes dead letters to their original routes: mandatory, persistent, with confirms. It does
/// not use the consuming connection. So messages can still be removed when RabbitMQ blocks
/// publishing.
pub struct Replay {
    settings: Rabbitmq,
    name: String,
    channel: Option<ConfirmChannel>,
    /// For each exchange: it took a message, or why not. A refusal closes the channel with
    /// everything in flight. So the first message for an exchange is sent alone.
    exchanges: HashMap<String, Result<(), String>>,
    lost: Option<String>,
}

struct ConfirmChannel {
    session: Session,
    /// A channel numbers its messages from 1.
    published: u64,
    /// The deadline of each step.
    deadline: Duration,
}

type ReplayResult = Result<(), ReplayError>;

impl Replay {
    /// Connects when the first message is sent. RabbitMQ lists the connection under `name`.
    pub fn new(settings: &Rabbitmq, name: &str) -> Self {
        let (settings, name) = (settings.clone(), name.to_owned());
        Self { settings, name, channel: None, exchanges: HashMap::new(), lost: None }
    }

    /// Sends the letters in order and waits for their confirms. Returns one result per letter.
    /// After the first [`ReplayError::Lost`] it sends nothing more. What it sends it takes out of
    /// the letters: a body may be large, and a second one of it in memory as large.
    pub async fn send(&mut self, letters: &mut [DeadLetter]) -> Vec<ReplayResult> {
        let mut outcomes = Vec::with_capacity(letters.len());
        let mut rest = letters;
        while !rest.is_empty() {
            // One to an exchange that was not tried yet goes alone.
            let together = rest.iter().take_while(|letter| !self.is_new(letter)).count().max(1);
            let (now, later) = rest.split_at_mut(together);
            outcomes.extend(self.send_together(now).await);
            rest = later;
        }
        outcomes
    }

    /// Closes its connection.
    pub async fn end(mut self) {
        self.close_channel().await;
    }

    fn is_new(&self, letter: &DeadLetter) -> bool {
        letter.origin.as_ref().is_some_and(|origin| !self.exchanges.contains_key(&origin.exchange))
    }

    async fn send_together(&mut self, letters: &mut [DeadLetter]) -> Vec<ReplayResult> {
        let mut outcomes: Vec<Option<ReplayResult>> =
            letters.iter().map(|letter| self.known_outcome(letter)).collect();
        if outcomes.iter().any(Option::is_none) {
            let failure = match self.publish(letters, &mut outcomes).await {
                Ok(()) => None,
                Err(why) => Some(self.judge(letters, &why)),
            };
            if let Some(failure) = failure {
                self.close_channel().await;
                for outcome in &mut outcomes {
                    outcome.get_or_insert_with(|| Err(failure.clone()));
                }
            } else if let [DeadLetter { origin: Some(origin), .. }] = &*letters {
                self.exchanges.insert(origin.exchange.clone(), Ok(()));
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(ReplayError::Rejected))).collect()
    }

    /// The result that is known without sending.
    fn known_outcome(&self, letter: &DeadLetter) -> Option<ReplayResult> {
        let Some(origin) = &letter.origin else { return Some(Err(ReplayError::NoOrigin)) };
        if let Some(Err(reason)) = self.exchanges.get(&origin.exchange) {
            let (exchange, reason) = (origin.exchange.clone(), reason.clone());
            return Some(Err(ReplayError::ExchangeRefused { exchange, reason }));
        }
        self.lost.clone().map(|why| Err(ReplayError::Lost(why)))
    }

    /// Whether a failed session means that one exchange refuses, or that nothing more can be sent.
    fn judge(&mut self, letters: &[DeadLetter], why: &SessionError) -> ReplayError {
        let is_refusal = |reason: &str| reason.starts_with("404 ") || reason.starts_with("403 ");
        match (letters, why) {
            ([DeadLetter { origin: Some(origin), .. }], SessionError::Lost(reason)) if is_refusal(reason) => {
                self.exchanges.insert(origin.exchange.clone(), Err(reason.clone()));
                ReplayError::ExchangeRefused { exchange: origin.exchange.clone(), reason: reason.clone() }
            }
            _ => {
                let why = runtime::with_causes(why);
                self.lost = Some(why.clone());
                ReplayError::Lost(why)
            }
        }
    }

    /// Publishes every letter without a result, and waits until each has one.
    async fn publish(
        &mut self,
        letters: &mut [DeadLetter],
        outcomes: &mut [Option<ReplayResult>],
    ) -> Result<(), SessionError> {
        let first = letters.iter().find_map(|letter| letter.origin.as_ref());
        let exchange = first.map(|origin| origin.exchange.as_str()).unwrap_or_default();
        let channel = match &mut self.channel {
            Some(channel) => channel,
            none => none.insert(ConfirmChannel::open(&self.settings, &self.name, exchange).await?),
        };
        let sizes = letters.iter().map(|letter| letter.body.len() as u64);
        channel.deadline = CONFIRM_DEADLINE + Duration::from_secs(sizes.sum::<u64>() / MIN_BYTES_PER_SECOND);
        let mut waiting = BTreeMap::new();
        for (letter, outcome) in letters.iter_mut().zip(outcomes) {
            let DeadLetter { origin, original, body, .. } = letter;
            if let (None, Some(origin)) = (&outcome, &*origin) {
                let tag = channel.publish(original, std::mem::take(body), origin).await?;
                waiting.insert(tag, (origin, outcome));
            }
        }
        while !waiting.is_empty() {
            let (tag, multiple, is_taken) = match channel.event().await? {
                Event::Confirmed { tag, multiple } => (tag, multiple, true),
                Event::Rejected { tag, multiple } => (tag, multiple, false),
                Event::Returned(Returned { exchange, routing_key, reason, .. }) => {
                    // Its confirm follows. Among letters for the same route, any may be marked:
                    // none of them is known to have arrived.
                    let place = OriginalRoute { exchange, routing_key };
                    for (origin, outcome) in waiting.values_mut().filter(|(origin, _)| **origin == place) {
                        let origin = origin.clone();
                        **outcome = Some(Err(ReplayError::Unroutable { origin, reason: reason.clone() }));
                    }
                    continue;
                }
                Event::ConsumerCancelled | Event::Blocked(_) | Event::Unblocked => continue,
                Event::Closed(reason) => return Err(SessionError::Lost(reason)),
            };
            for (_, outcome) in confirms::take(&mut waiting, tag, multiple).into_values() {
                outcome.get_or_insert(if is_taken { Ok(()) } else { Err(ReplayError::Rejected) });
            }
        }
        Ok(())
    }

    async fn close_channel(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.session.close().await;
        }
    }
}

impl ConfirmChannel {
    async fn open(settings: &Rabbitmq, name: &str, exchange: &str) -> Result<Self, SessionError> {
        let mut session = Session::open(settings, name).await?;
        match Self::prepare(&mut session, exchange).await {
            Ok(()) => Ok(Self { session, published: 0, deadline: CONFIRM_DEADLINE }),
            Err(why) => {
                session.close().await;
                Err(why)
            }
        }
    }

    async fn prepare(session: &mut Session, exchange: &str) -> Result<(), SessionError> {
        session.learn_user(exchange).await?;
        let confirms = session.channel.confirm_select(ConfirmSelectArguments::new(false));
        rpc("switching confirms on", confirms).await
    }

    /// Publishes a copy like those of the kitchen. Who replays it is its sender. Returns its tag.
    async fn publish(
        &mut self,
        original: &BasicProperties,
        body: Vec<u8>,
        origin: &OriginalRoute,
    ) -> Result<u64, SessionError> {
        let arguments =
            BasicPublishArguments::new(&origin.exchange, &origin.routing_key).mandatory(true).finish();
        let mut copy = safe_properties(original);
        if let Some(pointer) = pointer(original) {
            copy.with_headers(pointer);
        }
        self.session.sign(&mut copy);
        let sending = self.session.channel.basic_publish(copy, body, arguments);
        match timeout(self.deadline, sending).await {
            Ok(Ok(())) => {
                self.published += 1;
                Ok(self.published)
            }
            Ok(Err(why)) => {
                let failed = SessionError::Call { doing: "publishing".to_owned(), why };
                Err(self.session.explain(failed))
            }
            Err(_) => Err(SessionError::Timeout { doing: "publishing".to_owned(), after: self.deadline }),
        }
    }

    async fn event(&mut self) -> Result<Event, SessionError> {
        match timeout(self.deadline, self.session.events.recv()).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(SessionError::Lost("its tasks ended".to_owned())),
            Err(_) => {
                let doing = "waiting for the confirm of a replayed message".to_owned();
                Err(SessionError::Timeout { doing, after: self.deadline })
            }
        }
    }
}
