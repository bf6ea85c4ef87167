//! The reasons for which the server ends a connection.

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// No byte arrived for too long.
    Idle = 1,
    /// The head did not arrive in time.
    HeadLate,
    /// The head is too large.
    HeadTooLarge,
    /// The head has too many lines.
    HeadTooLong,
    /// The bytes are not HTTP.
    NotHttp,
    /// The client speaks without TLS, and the server only with it.
    NotTls,
    /// The request was not answered in time.
    RequestLate,
    /// The client did not read the response in time.
    AnswerUnread,
    /// The client did not read a stream in time.
    StreamUnread,
    /// A new connection needed the slot, and this one was idle for longest.
    Evicted,
    /// The response was sent before the body was complete, or it was the connection's last one.
    AnsweredEarly,
}

impl Ending {
    pub(crate) const ALL: [Self; 11] = [
        Self::Idle,
        Self::HeadLate,
        Self::HeadTooLarge,
        Self::HeadTooLong,
        Self::NotHttp,
        Self::NotTls,
        Self::RequestLate,
        Self::AnswerUnread,
        Self::StreamUnread,
        Self::Evicted,
        Self::AnsweredEarly,
    ];
}
