//! RabbitMQ's message size limit, as far as it is known.

use std::time::Duration;

use tokio::time::Instant;

use super::PublishError;
use crate::refusal;
use crate::session::SessionError;

/// How long a learned limit is used. An operator may raise it.
const VALID_FOR: Duration = Duration::from_mins(1);

/// The limit in bytes, and when it was learned. RabbitMQ reveals it only when it refuses a message.
#[derive(Default)]
pub(super) struct SizeLimit(Option<(usize, Instant)>);

impl SizeLimit {
    /// Learns and returns the limit if it ended the session.
    pub(super) fn learn(&mut self, end: &SessionError) -> Option<usize> {
        let (SessionError::Lost(reason) | SessionError::ChannelClosed { reason, .. }) = end else {
            return None;
        };
        let limit = refusal::message_limit(reason)?;
        self.0 = Some((limit, Instant::now()));
        Some(limit)
    }

    /// Why a body of this size is not sent: RabbitMQ is known to refuse it.
    pub(super) fn refusal_of(&self, size: usize) -> Option<PublishError> {
        let (limit, learned) = self.0?;
        (size > limit && learned.elapsed() < VALID_FOR).then_some(PublishError::TooLarge { size, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_learned_from_a_refusal_and_believed_for_a_while() {
        let mut limit = SizeLimit::default();
        assert_eq!(limit.learn(&SessionError::Lost("320 CONNECTION_FORCED".to_owned())), None);
        assert_eq!(limit.refusal_of(usize::MAX), None);
        let said = "406 PRECONDITION_FAILED - message size 7 is larger than configured max size 5";
        assert_eq!(limit.learn(&SessionError::Lost(said.to_owned())), Some(5));
        assert_eq!(limit.refusal_of(5), None);
        assert_eq!(limit.refusal_of(6), Some(PublishError::TooLarge { size: 6, limit: 5 }));
        tokio::time::advance(VALID_FOR).await;
        assert_eq!(limit.refusal_of(6), None);
    }
}
