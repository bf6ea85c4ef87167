//! What a connection does at the moment, and how long it may.

use std::time::Duration;

use deadlines::http::{
    ANSWER_DEADLINE, BODY_DEADLINE, HEAD_DEADLINE, IDLE_DEADLINE, REQUEST_DEADLINE, STREAM_DEADLINE,
};

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Accepted; no byte has arrived.
    New,
    /// Part of a head has arrived.
    Head,
    /// The head is complete, the body is not.
    Body,
    /// A handler processes a complete request.
    Work,
    /// The response is being written.
    Answer,
    /// The last response is written; no byte has arrived since.
    Idle,
    /// The response is a stream that goes on.
    Stream,
}

impl Phase {
    /// By their places, which are their numbers.
    pub(crate) const ALL: [Self; 7] =
        [Self::New, Self::Head, Self::Body, Self::Work, Self::Answer, Self::Idle, Self::Stream];

    /// How long it may last.
    pub(crate) fn deadline(self) -> Duration {
        match self {
            Self::New | Self::Head => HEAD_DEADLINE,
            Self::Body => BODY_DEADLINE,
            Self::Work => REQUEST_DEADLINE,
            Self::Answer => ANSWER_DEADLINE,
            Self::Idle => IDLE_DEADLINE,
            Self::Stream => STREAM_DEADLINE,
        }
    }
}
