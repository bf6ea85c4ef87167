//! Why a connection is ended.

/// Why a connection is ended by this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing came for too long.
    Idle = 1,
    /// The head did not arrive in time.
    HeadLate,
    /// The head is too large.
    HeadTooLarge,
    /// The head has too many lines.
    HeadTooLong,
    /// What came is no HTTP.
    NotHttp,
    /// There was no answer in time.
    RequestLate,
    /// The client did not read the answer in time.
    AnswerUnread,
    /// Another connection came, and this one was idle for longest.
    Evicted,
    /// The answer was given before the body had ended, or was to be the last one.
    AnsweredEarly,
}

impl Ending {
    pub(crate) const ALL: [Self; 9] = [
        Self::Idle,
        Self::HeadLate,
        Self::HeadTooLarge,
        Self::HeadTooLong,
        Self::NotHttp,
        Self::RequestLate,
        Self::AnswerUnread,
        Self::Evicted,
        Self::AnsweredEarly,
    ];
}
