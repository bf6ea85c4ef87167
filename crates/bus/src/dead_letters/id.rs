//! The id of a dead letter. AMQP has none, and `message_id` is neither unique nor always present.
//! So the id is a hash of everything that an operator sees of the message. Two different messages
//! never share an id.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// 16 hexadecimal digits of the SHA-256 of the content. Of identical messages, the second one from
/// the head of the queue gets the suffix `-2`, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    fingerprint: u64,
    copy: u32,
}

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the id of a dead letter (16 hexadecimal digits, as `restaurant-ctl dlq list` shows them)")]
pub struct ParseIdError;

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.fingerprint)?;
        if self.copy > 1 { write!(f, "-{}", self.copy) } else { Ok(()) }
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    /// Accepts exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (digits, copy) = text.split_once('-').unwrap_or((text, "1"));
        let id =
            || Some(Self { fingerprint: u64::from_str_radix(digits, 16).ok()?, copy: copy.parse().ok()? });
        id().filter(|id| id.copy > 0 && id.to_string() == text).ok_or(ParseIdError)
    }
}

/// Assigns ids to messages in queue order.
#[derive(Default)]
pub(super) struct Counter(HashMap<u64, u32>);

impl Counter {
    /// The id of the next message, which has this content.
    pub(super) fn next(&mut self, content: &[&[u8]]) -> Id {
        let fingerprint = fingerprint(content);
        let copy = self.0.entry(fingerprint).or_default();
        *copy = copy.saturating_add(1);
        Id { fingerprint, copy: *copy }
    }
}

/// Hashes each part with its length, so that the same bytes split differently give another hash.
fn fingerprint(content: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in content {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_copies_are_numbered() {
        let mut ids = Counter::default();
        let ids: Vec<String> = [[b"ab".as_slice(), b"c"], [b"a", b"bc"], [b"ab", b"c"], [b"ab", b"c"]]
            .iter()
            .map(|content| ids.next(content).to_string())
            .collect();
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[2], format!("{}-2", ids[0]));
        assert_eq!(ids[3], format!("{}-3", ids[0]));
    }

    #[test]
    fn an_id_has_one_spelling() {
        for text in ["00000000000000ff", "0123456789abcdef-2"] {
            assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
        }
        for text in
            ["", "ff", "0123456789ABCDEF", "0123456789abcdef-1", "0123456789abcdef-0", "0123456789abcdef-"]
        {
            assert_eq!(text.parse::<Id>(), Err(ParseIdError), "{text}");
        }
    }
}
