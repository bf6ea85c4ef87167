//! Opens publishing connections, each for one purpose.

use std::sync::Arc;

use amqprs::channel::ConfirmSelectArguments;
use config::{MessageKind, Rabbitmq};
use deadlines::broker::CONFIRM_DEADLINE;
use tokio::time::timeout;

use super::unconfirmed::Unconfirmed;
use crate::declaration::{self, AnswerTimeout, Refusals};
use crate::session::{Event, Session, SessionError, rpc};
use crate::topology::{self, EventStream};

/// What a connection publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Orders,
    DeadLetters,
    StatusUpdates,
    Events(EventStream),
}

impl Purpose {
    pub(super) fn exchange(self) -> &'static str {
        match self {
            Self::Orders => topology::ORDERS_EXCHANGE,
            Self::DeadLetters => topology::DEAD_LETTER_EXCHANGE,
            Self::StatusUpdates => topology::NOTIFICATIONS_EXCHANGE,
            Self::Events(stream) => stream.name(),
        }
    }

    /// What consumers of ours take these messages for. Other messages are for dead letters and for
    /// programs of others. A kitchen also copies orders.
    pub(super) fn kind(self) -> Option<MessageKind> {
        match self {
            Self::Orders | Self::DeadLetters => Some(MessageKind::Orders),
            Self::StatusUpdates => Some(MessageKind::Status),
            Self::Events(_) => None,
        }
    }

    /// Whether all messages go to one stream.
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::StatusUpdates | Self::Events(_))
    }

    /// Declares what it publishes to. The declaration of a stream must have been answered: right
    /// after a broker's start the stream is missing, and messages for it would be lost.
    ///
    /// # Errors
    /// The session failed, or nothing could be sent.
    pub(super) async fn declare(
        self,
        session: &mut Session,
        answer_timeout: AnswerTimeout,
    ) -> Result<Refusals, SessionError> {
        match self {
            Self::Orders => declaration::declare_kitchen(session, answer_timeout).await,
            Self::DeadLetters => declaration::declare_place_for_dead_letters(session, answer_timeout).await,
            Self::StatusUpdates => {
                declaration::declare_notifications(session).await.map(|()| Refusals::default())
            }
            Self::Events(stream) => {
                declaration::declare_events(session, stream).await.map(|()| Refusals::default())
            }
        }
    }

    /// Declares on a connection of its own, because a refusal would close the publishing channel.
    pub(super) async fn declare_again(
        self,
        settings: &Rabbitmq,
        name: &str,
    ) -> Result<Refusals, SessionError> {
        let mut session = Session::open(settings, name).await?;
        let declared = self.declare(&mut session, AnswerTimeout::Long).await;
        session.close().await;
        declared
    }
}

/// A connection that is ready to publish.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) unconfirmed: Unconfirmed,
    pub(super) refusals: Arc<Refusals>,
    /// Why RabbitMQ is blocked, if it is.
    pub(super) blocked: Option<String>,
    /// Whether a probe message can ask RabbitMQ for that.
    pub(super) probes: bool,
}

/// Connects and declares. For orders it also sends a probe: RabbitMQ reports an alarm only to a
/// connection that has published, and reads nothing from it afterwards.
pub(super) async fn open(
    settings: Rabbitmq,
    purpose: Purpose,
    name: String,
    answer_timeout: AnswerTimeout,
) -> Result<Opened, SessionError> {
    let mut session = Session::open(&settings, &name).await?;
    match prepare(&mut session, purpose, answer_timeout).await {
        Ok((refusals, unconfirmed, probes, blocked)) => {
            Ok(Opened { session, unconfirmed, refusals: Arc::new(refusals), blocked, probes })
        }
        Err(why) => {
            let why = session.explain(why);
            session.close().await;
            Err(why)
        }
    }
}

async fn prepare(
    session: &mut Session,
    purpose: Purpose,
    answer_timeout: AnswerTimeout,
) -> Result<(Refusals, Unconfirmed, bool, Option<String>), SessionError> {
    let refusals = purpose.declare(session, answer_timeout).await?;
    session.learn_user(purpose.exchange()).await?;
    switch_confirms_on(session).await?;
    let mut unconfirmed = Unconfirmed::default();
    if purpose != Purpose::Orders || refusals.of(topology::PROBE_EXCHANGE).is_some() {
        return Ok((refusals, unconfirmed, false, None));
    }
    unconfirmed.publish_probe(session).await?;
    let doing = "confirming a first message".to_owned();
    let late = SessionError::Timeout { doing, after: CONFIRM_DEADLINE };
    match timeout(CONFIRM_DEADLINE, answer(session)).await.map_err(|_| late)?? {
        Answer::Confirmed => {
            unconfirmed.settle(1, true, true);
            Ok((refusals, unconfirmed, true, None))
        }
        Answer::Blocked(reason) => Ok((refusals, unconfirmed, true, Some(reason))),
        // The user's permissions are older than this exchange.
        Answer::Refused => {
            session.reopen_channel().await?;
            switch_confirms_on(session).await?;
            Ok((refusals, Unconfirmed::default(), false, None))
        }
    }
}

async fn switch_confirms_on(session: &Session) -> Result<(), SessionError> {
    let confirms = session.channel.confirm_select(ConfirmSelectArguments::new(false));
    rpc("switching confirms on", confirms).await
}

/// RabbitMQ's answer to a probe.
enum Answer {
    Confirmed,
    Blocked(String),
    Refused,
}

async fn answer(session: &mut Session) -> Result<Answer, SessionError> {
    loop {
        match session.events.recv().await {
            Some(Event::Confirmed { .. }) => return Ok(Answer::Confirmed),
            Some(Event::Blocked(reason)) => return Ok(Answer::Blocked(reason)),
            Some(Event::Closed(reason)) if reason.contains("ACCESS_REFUSED") => return Ok(Answer::Refused),
            Some(Event::Closed(reason)) => return Err(SessionError::Lost(reason)),
            Some(_) => {}
            None => return Err(SessionError::Lost("its tasks ended".to_owned())),
        }
    }
}
