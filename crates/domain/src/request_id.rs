//! The id that follows an order from the HTTP request through the messages to the subscriber.

use std::fmt;
use std::sync::Arc;

/// A correlation id that is safe to log and to send: 1 to 128 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Most characters that are taken over from a client.
    pub const MAX_LENGTH: usize = 128;

    /// Takes over an id from outside if it is sane.
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        sane.then(|| Self(text.into()))
    }

    /// An id that the program itself wrote down, such as `startup-001`.
    pub fn from_fixed(text: &'static str) -> Self {
        Self(text.into())
    }

    /// An id from random bits, 16 hexadecimal digits.
    pub fn from_random(bits: u64) -> Self {
        Self(format!("{bits:016x}").into())
    }

    /// The id as it is logged and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_are_taken_over() {
        for sane in ["a", "req-a1b2c3d4", "A.b_c-9", &"x".repeat(128)] {
            assert_eq!(RequestId::parse(sane).unwrap().as_str(), sane);
        }
        for other in ["", " ", "a b", "a\nb", "a\"b", "é", "\u{1b}[31m", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(other), None, "{other:?}");
        }
    }
}
