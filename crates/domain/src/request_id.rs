//! The id that follows an order from the HTTP request through the messages to the subscriber.

use std::fmt;
use std::sync::Arc;

use crate::TraceParent;

/// A correlation id that is safe to log and to send: 1 to 128 characters of `A-Z a-z 0-9 . _ -`.
///
/// It carries the place of the request in a distributed trace, if it is in one. Both go the same
/// way, so whoever has the one has the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    text: Arc<str>,
    trace: Option<TraceParent>,
}

impl RequestId {
    /// The longest id that is accepted from a client, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Prefix of the id under which the order service redelivers an order whose placing request is
    /// no longer known. The order's row id follows.
    pub const SWEEP_PREFIX: &'static str = "sweep-";
    /// Prefix of the id for everything that a program does before its first request.
    const STARTUP_PREFIX: &'static str = "startup-";
    /// Prefix of the id given to a message that arrives without one.
    const MESSAGE_PREFIX: &'static str = "message-";
    /// The id given to a notification that has none, or one that is not safe to log.
    const UNKNOWN: &'static str = "unknown";
    /// Ids that start like this are made by programs and never accepted from a client.
    const RESERVED: [&'static str; 4] =
        [Self::SWEEP_PREFIX, Self::STARTUP_PREFIX, Self::MESSAGE_PREFIX, Self::UNKNOWN];

    /// Accepts a client's id if it is safe and cannot be mistaken for a program's own id.
    pub fn from_client(text: &str) -> Option<Self> {
        let reserved =
            |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        Self::parse(text).filter(|_| !Self::RESERVED.into_iter().any(reserved))
    }

    /// Parses a stored or received id. `None` if it is not safe.
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        sane.then(|| Self::of(text.into()))
    }

    /// The id for everything that a program does outside of requests: `startup-001`.
    pub fn startup() -> Self {
        Self::of(format!("{}001", Self::STARTUP_PREFIX).into())
    }

    /// The id of a notification that has none, or one that is not safe to log: `unknown`.
    pub fn unknown() -> Self {
        Self::of(Self::UNKNOWN.into())
    }

    /// The id of a message that arrives without one: `message-` and 16 hexadecimal digits.
    pub fn of_message(bits: u64) -> Self {
        Self::of(format!("{}{bits:016x}", Self::MESSAGE_PREFIX).into())
    }

    /// The id of a request that arrives without one, from random bits: 16 hexadecimal digits.
    pub fn from_random(bits: u64) -> Self {
        Self::of(format!("{bits:016x}").into())
    }

    /// The id as it is logged and sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The place of the request in a trace. `None` if it is in none, or nobody said so.
    pub fn trace(&self) -> Option<TraceParent> {
        self.trace
    }

    /// The same id at this place in a trace.
    #[must_use]
    pub fn with_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    fn of(text: Arc<str>) -> Self {
        Self { text, trace: None }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_ids_are_accepted_from_a_client() {
        for sane in ["a", "req-a1b2c3d4", "A.b_c-9", "sweep", "sweeping-1", &"x".repeat(128)] {
            assert_eq!(RequestId::from_client(sane).unwrap().as_str(), sane);
        }
        for other in ["", " ", "a b", "a\nb", "a\"b", "é", "sweep-é", "\u{1b}[31m", &"x".repeat(129)] {
            assert_eq!(RequestId::from_client(other), None, "{other:?}");
            assert_eq!(RequestId::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn ids_made_by_programs_are_parsed_but_never_accepted_from_a_client() {
        let sweep = format!("{}17", RequestId::SWEEP_PREFIX);
        for own in [RequestId::startup().as_str(), RequestId::of_message(7).as_str(), &sweep] {
            assert_eq!(RequestId::parse(own).unwrap().as_str(), own);
            for text in [own.to_owned(), own.to_uppercase()] {
                assert_eq!(RequestId::from_client(&text), None, "{text}");
            }
        }
        assert!(RequestId::from_client(RequestId::from_random(7).as_str()).is_some());
    }
}
