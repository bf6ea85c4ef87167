//! What becomes of a message when its work has ended, however it ended.
//!
//! Each is settled, or it would keep its place in the prefetch until the session ends. Only while
//! the session ends, messages are left unsettled: its end brings them again.

use std::time::Duration;

use bus::requests::LeasedRequest;
use bus::topology::DEAD_LETTER_QUEUE;
use domain::OrderRequestId;
use logging::{Log, action};
use runtime::with_causes;
use telemetry::labels::IntakeResult;
use telemetry::metrics::INTAKE;
use tokio::time::sleep;

use super::{Intake, Session, UnreadableMessage, message_id};

/// How long a message is kept that could not be processed now. Without a pause it would come again
/// at once.
const PAUSE_BEFORE_RETURN: Duration = Duration::from_secs(1);

/// How a message is settled.
pub(super) enum End {
    /// Acknowledge it: its request is decided, and who asked knows.
    Settled,
    /// Put it at the end of the queue, with an id.
    Postponed,
    /// Put it there after a pause: this program panicked, or there is no room for its order.
    Returned,
    /// Move it to the dead letters: nobody can read it.
    DeadLettered(UnreadableMessage),
    /// Leave it: the session ends before the request is decided.
    Left,
}

impl End {
    fn label(&self) -> IntakeResult {
        match self {
            Self::Settled => IntakeResult::Decided,
            Self::Postponed | Self::Returned => IntakeResult::Postponed,
            Self::DeadLettered(_) => IntakeResult::DeadLettered,
            Self::Left => IntakeResult::Left,
        }
    }
}

impl Intake {
    pub(super) async fn settle(&self, message: LeasedRequest, end: End, log: &Log, session: &Session) {
        INTAKE.of(end.label()).inc();
        let (returned, why) = match end {
            End::Settled => return message.ack(),
            End::Left => return,
            End::Postponed => return to_the_end(message, None),
            End::Returned => (Some(message), None),
            End::DeadLettered(why) => (self.dead_letter(message, &why, log).await, Some(why)),
        };
        if let Some(message) = returned
            && session.until_end(sleep(PAUSE_BEFORE_RETURN)).await.is_ok()
        {
            to_the_end(message, why.as_ref());
        }
    }

    /// Moves a message to the dead letters. Returns it if that is not possible now: it is tried
    /// again when it comes from the end of the queue, behind all that can be read.
    async fn dead_letter(
        &self,
        message: LeasedRequest,
        why: &UnreadableMessage,
        log: &Log,
    ) -> Option<LeasedRequest> {
        if !self.dead_letters.takes(message.delivery()) {
            return Some(message);
        }
        let (action, text) = match why {
            UnreadableMessage::Untrusted(_) => (action::MESSAGE_UNTRUSTED, "The message is not taken"),
            _ => (action::MESSAGE_PROCESSING_FAILED, "The message asks for no order"),
        };
        log.error(action, format!("{text}; it goes to {DEAD_LETTER_QUEUE}"), why).emit_limited();
        let (message, failure) = self.dead_letters.publish(message, &with_causes(why)).await?;
        let text = "A dead letter was not confirmed; it waits at the end of its queue";
        log.error(action::RABBITMQ_PUBLISH_FAILED, text, &failure).emit_limited();
        Some(message)
    }
}

/// Puts a copy of the message in its place, at the end of the queue, with its id or a new one. A
/// body that was not taken in cannot be copied: this message stays where it is.
fn to_the_end(message: LeasedRequest, why: Option<&UnreadableMessage>) {
    let id = match message_id(message.delivery()) {
        Some(id) => id.to_owned(),
        None => OrderRequestId::new(rand::random()).to_string(),
    };
    let returned = match why {
        Some(UnreadableMessage::Untrusted(why)) => message.identify_refused(&id, why),
        _ => message.identify(&id),
    };
    if let Some(message) = returned {
        message.requeue();
    }
}
