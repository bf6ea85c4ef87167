//! What a client has seen of the log: the position that it shows when it comes back.

use std::fmt;
use std::str::FromStr;

use super::spans::{Span, Spans};

/// Most missing spans that the text has, which has to fit a header. Whoever comes back has seen the
/// lower ones.
const MOST_MISSING: usize = 32;

/// All ids up to the newest one, but those that were missing. As a text it is the newest id, and
/// behind a `!` what was missing: `12`, or `12!3-5,9`. A client of ours never makes one: it gets
/// them as ids of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    newest: i64,
    missing: Spans,
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a position of the log (such as 12)")]
pub struct ParseSeenError;

impl Seen {
    /// All up to `newest`, but those.
    pub fn new(newest: i64, missing: &Spans) -> Self {
        let known = Spans::new(vec![Span { lowest: i64::MIN, highest: newest }]);
        Self { newest, missing: missing.and(&known) }
    }

    /// The highest id.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// Whether this id was seen.
    pub fn has(&self, id: i64) -> bool {
        id <= self.newest && !self.missing.contains(id)
    }

    /// What was not seen.
    pub fn unseen(&self) -> Spans {
        let above = self.newest.checked_add(1).map(|lowest| Span { lowest, highest: i64::MAX });
        Spans::new(self.missing.iter().chain(above).collect())
    }

    /// This and all that another one has seen.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::new(self.newest.max(other.newest), &self.unseen().and(&other.unseen()))
    }

    /// Only what it has up to this id.
    #[must_use]
    pub fn up_to(&self, id: i64) -> Self {
        Self::new(self.newest.min(id), &self.missing)
    }

    /// With one id more.
    #[must_use]
    pub fn with(&self, id: i64) -> Self {
        if id <= self.newest {
            return Self { newest: self.newest, missing: self.missing.without(id) };
        }
        let between = Span { lowest: self.newest.saturating_add(1), highest: id - 1 };
        let between = (between.lowest <= between.highest).then_some(between);
        Self::new(id, &Spans::new(self.missing.iter().chain(between).collect()))
    }

    /// As the id of the event of a row, with whose id it begins: `12`, `12!9`, or `9~12` if the row
    /// was late. So each event has an id of its own, and says what its client has seen with it.
    pub fn as_id_of(&self, row: i64) -> String {
        if row == self.newest { self.to_string() } else { format!("{row}~{self}") }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.newest)?;
        for (place, span) in self.missing.highest(MOST_MISSING).iter().enumerate() {
            f.write_str(if place == 0 { "!" } else { "," })?;
            write!(f, "{}", span.lowest)?;
            if span.lowest < span.highest {
                write!(f, "-{}", span.highest)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Seen {
    type Err = ParseSeenError;

    fn from_str(text: &str) -> Result<Self, ParseSeenError> {
        let id = |text: &str| {
            let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_id.then(|| text.parse::<i64>().ok()).flatten().ok_or(ParseSeenError)
        };
        let (row, text) = text.split_once('~').map_or((None, text), |(row, text)| (Some(row), text));
        row.map(id).transpose()?;
        let (newest, missing) = text.split_once('!').map_or((text, None), |(id, rest)| (id, Some(rest)));
        let newest = id(newest)?;
        let mut spans: Vec<Span> = Vec::new();
        for span in missing.into_iter().flat_map(|missing| missing.split(',')) {
            let (lowest, highest) = span.split_once('-').unwrap_or((span, span));
            let span = Span { lowest: id(lowest)?, highest: id(highest)? };
            let follows = spans.last().is_none_or(|last| last.highest < span.lowest);
            if !follows || span.lowest > span.highest || span.highest > newest || spans.len() == MOST_MISSING
            {
                return Err(ParseSeenError);
            }
            spans.push(span);
        }
        Ok(Self { newest, missing: Spans::new(spans) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::events::spans::tests::spans_of;

    fn seen() -> impl Strategy<Value = Seen> {
        let missing = prop::collection::btree_set(0..40_i64, 0..15);
        (0..40_i64, missing).prop_map(|(newest, missing)| Seen::new(newest, &spans_of(&missing)))
    }

    proptest! {
        #[test]
        fn a_position_is_a_set_that_is_written_and_read(one in seen(), other in seen(), id in 0..45_i64) {
            prop_assert_eq!(one.to_string().parse(), Ok(one.clone()));
            prop_assert_eq!(one.as_id_of(id).parse(), Ok(one.clone()));
            let both = one.and(&other);
            for any in 0..45 {
                prop_assert_eq!(both.has(any), one.has(any) || other.has(any));
                prop_assert_eq!(one.unseen().contains(any), !one.has(any));
                prop_assert_eq!(one.with(id).has(any), one.has(any) || any == id);
            }
        }
    }

    #[test]
    fn only_the_text_of_a_position_is_short() {
        let odd: BTreeSet<i64> = (0..40).map(|place| 2 * place + 1).collect();
        let seen = Seen::new(100, &spans_of(&odd));
        assert!(odd.iter().all(|id| !seen.has(*id)));
        assert!(seen.with(1).has(1) && !seen.with(1).has(3));
        let read: Seen = seen.to_string().parse().unwrap();
        assert!(!read.has(79) && !read.has(17) && read.has(15), "{read}");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-1",
            "+1",
            "x",
            "1 ",
            "1!",
            "1!2",
            "5!3-2",
            "5!3,3",
            "5!3,1",
            "9!1-",
            "~12",
            "9~",
            "9~10~12",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<Seen>(), Err(ParseSeenError), "{text:?}");
        }
        let most = (0..=32).map(|place| (2 * place).to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(format!("99!{most}").parse::<Seen>(), Err(ParseSeenError));
        let seen: Seen = "12!3-5,9".parse().unwrap();
        assert_eq!([seen.as_id_of(12), seen.as_id_of(2)], ["12!3-5,9", "2~12!3-5,9"]);
    }
}
