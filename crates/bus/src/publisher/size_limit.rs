//! The largest body that the broker takes, as far as it has said.

use std::time::Duration;

use tokio::time::Instant;

use super::PublishError;
use crate::refusal;
use crate::session::SessionError;

/// So long the broker's word is believed: an operator may raise the limit.
const BELIEVED: Duration = Duration::from_mins(1);

/// In bytes, and when the broker said so. It says so only when it refuses a message.
#[derive(Default)]
pub(super) struct SizeLimit(Option<(usize, Instant)>);

impl SizeLimit {
    /// Learns the limit if the session ended because of it, and returns it then.
    pub(super) fn learn(&mut self, end: &SessionError) -> Option<usize> {
        let (SessionError::Lost(reason) | SessionError::ChannelClosed { reason, .. }) = end else {
            return None;
        };
        let limit = refusal::message_limit(reason)?;
        self.0 = Some((limit, Instant::now()));
        Some(limit)
    }

    /// Why a body of this size is not sent, if the broker is known to refuse it.
    pub(super) fn refusal_of(&self, size: usize) -> Option<PublishError> {
        let (limit, learned) = self.0?;
        (size > limit && learned.elapsed() < BELIEVED).then_some(PublishError::TooLarge { size, limit })
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
        tokio::time::advance(BELIEVED).await;
        assert_eq!(limit.refusal_of(6), None);
    }
}
