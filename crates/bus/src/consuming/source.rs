//! What is consumed, and what follows from that.

use super::prefetch::Sequence;
use crate::declaration::{self, AnswerTimeout, Refusals};
use crate::session::{Session, SessionError};
use crate::topology;

/// What is consumed.
pub(crate) enum Source {
    /// A worker's queues of orders.
    Kitchen(Vec<&'static str>),
    /// The requests of guests who order by message.
    Requests,
}

impl Source {
    pub(super) fn queues(&self) -> &[&'static str] {
        match self {
            Self::Kitchen(queues) => queues,
            Self::Requests => &[topology::REQUESTS_QUEUE],
        }
    }

    /// Declares what consuming needs.
    ///
    /// # Errors
    /// The session failed, or nothing can be consumed.
    pub(super) async fn declare(
        &self,
        session: &mut Session,
        answer_timeout: AnswerTimeout,
    ) -> Result<Refusals, SessionError> {
        match self {
            Self::Kitchen(_) => declaration::declare_kitchen(session, answer_timeout).await,
            Self::Requests => declaration::declare_requests(session, answer_timeout).await,
        }
    }

    pub(super) fn sequence(&self) -> Sequence {
        match self {
            Self::Kitchen(_) => Sequence::Cooking,
            Self::Requests => Sequence::Arrival,
        }
    }

    /// The exchange to which this session publishes copies of messages.
    pub(super) fn copies_through(&self) -> Option<&'static str> {
        match self {
            Self::Kitchen(_) => None,
            Self::Requests => Some(topology::DEFAULT_EXCHANGE),
        }
    }

    /// Whether a commit follows each burst of settlements. A copy then replaces its original in one
    /// step.
    pub(super) fn settles_in_transactions(&self) -> bool {
        matches!(self, Self::Requests)
    }
}
