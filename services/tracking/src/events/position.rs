//! What a client of all orders shows when it comes back: what it has seen, and of which log.

use std::fmt;
use std::str::FromStr;

use db::status_events::StatusEvent;

use super::seen::{ParseSeenError, Seen};

/// A row that the log had, and when its status changed. A log that was restored from a backup, or
/// that lost its end in a failover, has no such row, or has given its id to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    pub id: i64,
    /// Microseconds since 1970, as exact as the database has them.
    pub micros: i128,
}

/// A position in a certain log. As a text it is what was [seen](Seen), and behind an `@` the row of
/// the witness and its time: `12!9@12:1764576000123456`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub seen: Seen,
    /// `None` in the id of an event.
    pub witness: Option<Witness>,
}

impl Witness {
    /// This row.
    pub fn of(event: &StatusEvent) -> Self {
        Self { id: event.id, micros: event.changed_at.unix_timestamp_nanos() / 1_000 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seen)?;
        self.witness.map_or(Ok(()), |Witness { id, micros }| write!(f, "@{id}:{micros}"))
    }
}

impl FromStr for Position {
    type Err = ParseSeenError;

    fn from_str(text: &str) -> Result<Self, ParseSeenError> {
        let Some((seen, witness)) = text.split_once('@') else {
            return Ok(Self { seen: text.parse()?, witness: None });
        };
        let (id, micros) = witness.split_once(':').ok_or(ParseSeenError)?;
        let witness = Witness {
            id: id.parse().map_err(|_| ParseSeenError)?,
            micros: micros.parse().map_err(|_| ParseSeenError)?,
        };
        Ok(Self { seen: seen.parse()?, witness: Some(witness) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_and_read() {
        for (text, witness) in [
            ("12", None),
            ("12!3-5,9", None),
            ("12!9@14:1764576000123456", Some(Witness { id: 14, micros: 1_764_576_000_123_456 })),
            ("0@1:-5", Some(Witness { id: 1, micros: -5 })),
        ] {
            let position: Position = text.parse().unwrap();
            assert_eq!((position.to_string(), position.witness), (text.to_owned(), witness));
        }
        for text in ["", "@1:2", "12@", "12@1", "12@:1", "12@1:", "12@1:2:3", "12@1:2@1:2", "x@1:2"] {
            assert_eq!(text.parse::<Position>(), Err(ParseSeenError), "{text:?}");
        }
    }
}
