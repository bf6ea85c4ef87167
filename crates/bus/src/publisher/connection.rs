//! What a publishing connection is for, and how it is made.

use std::sync::Arc;

use amqprs::channel::ConfirmSelectArguments;
use config::Rabbitmq;
use deadlines::broker::CONFIRM_DEADLINE;
use tokio::time::timeout;

use super::unconfirmed::Unconfirmed;
use crate::declaration::{self, AnswerTimeout, Refusals};
use crate::session::{Event, Session, SessionError, rpc};
use crate::topology;

/// What a connection publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Orders,
    DeadLetters,
    StatusUpdates,
}

impl Purpose {
    pub(super) fn exchange(self) -> &'static str {
        match self {
            Self::Orders => topology::ORDERS_EXCHANGE,
            Self::DeadLetters => topology::DEAD_LETTER_EXCHANGE,
            Self::StatusUpdates => topology::NOTIFICATIONS_EXCHANGE,
        }
    }

    /// Declares what is published to. What publishes to the stream must have had an answer to its
    /// declaration: just after the broker's start it is not there yet, and what is published to it
    /// is lost.
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
        }
    }

    /// The same on a connection of its own: a refusal on the one that publishes would disturb it.
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

/// A connection that may publish.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) unconfirmed: Unconfirmed,
    pub(super) refusals: Arc<Refusals>,
    /// Why the broker takes no messages, if it does not.
    pub(super) blocked: Option<String>,
    /// Whether it can be asked by a message to nobody whether it does.
    pub(super) probes: bool,
}

/// Connects and declares; for orders also finds out whether the broker takes messages. It tells of
/// an alarm only whoever publishes, and reads nothing more from then on.
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
        // A user whose rights were given before there was this exchange.
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

/// The broker's answer to a message to nobody.
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
