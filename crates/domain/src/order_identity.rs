//! The unique id of an order: random, and made before the order is stored.
//!
//! Order numbers and row ids can repeat: after a failover that lost the newest rows, in a restored
//! backup, or in a recreated database. An identity never repeats. It identifies an order wherever
//! two could be confused: a commit of unknown outcome, a message, a token.

use std::fmt;
use std::str::FromStr;

use uuid::{Builder, Uuid};

/// A UUID of version 7 (RFC 9562): identities made in sequence are neighbours in an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderIdentity(Uuid);

/// The text is not an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the identity of an order (a UUID such as 019ab6ce-5d80-7c3e-8f12-3456789abcde)")]
pub struct ParseIdentityError;

impl OrderIdentity {
    /// Makes an identity from the milliseconds since 1970 and random bytes. The time only keeps
    /// index entries together. The 74 random bits alone make it unique.
    pub fn new(unix_millis: u64, random: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid())
    }

    /// The UUID, as the database stores it.
    pub fn uuid(&self) -> Uuid {
        self.0
    }

    /// Its 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl From<Uuid> for OrderIdentity {
    /// Identities that the migration assigned to old orders are of version 4.
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for OrderIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl FromStr for OrderIdentity {
    type Err = ParseIdentityError;

    /// Accepts exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseIdentityError> {
        let identity = Uuid::try_parse(text).map(Self).map_err(|_| ParseIdentityError)?;
        if identity.to_string() == text { Ok(identity) } else { Err(ParseIdentityError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ones_sort_later_and_are_written_one_way() {
        let first = OrderIdentity::new(1_764_403_200_000, [0xff; 10]);
        let second = OrderIdentity::new(1_764_403_200_001, [0; 10]);
        assert!(first < second);
        assert_eq!(first.to_string(), "019acea0-4000-7fff-bfff-ffffffffffff");
        assert_eq!(first.to_string().parse(), Ok(first));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "019acea0",
            "019ACEA0-4000-7FFF-BFFF-FFFFFFFFFFFF",
            "019acea040007fffbfffffffffffffff",
            "{019acea0-4000-7fff-bfff-ffffffffffff}",
            "urn:uuid:019acea0-4000-7fff-bfff-ffffffffffff",
            "019acea0-4000-7fff-bfff-fffffffffffg",
        ] {
            assert_eq!(text.parse::<OrderIdentity>(), Err(ParseIdentityError), "{text}");
        }
    }
}
