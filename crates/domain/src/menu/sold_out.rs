//! Until when an item is sold out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;

use crate::timestamp::Timestamp;

/// How an item without an end is marked.
const FURTHER_NOTICE: &str = "further_notice";

/// When an item that staff marked as sold out comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoldOutUntil {
    /// At this moment.
    Time(Timestamp),
    /// Not until staff bring it back.
    FurtherNotice,
}

/// The text is no such end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as 2026-12-31T23:00:00Z, or '{FURTHER_NOTICE}'")]
pub struct ParseSoldOutError;

impl SoldOutUntil {
    /// Whether the item is still sold out at this moment. At the very end it is back.
    pub fn is_in_future_of(self, now: OffsetDateTime) -> bool {
        match self {
            Self::Time(Timestamp(end)) => now < end,
            Self::FurtherNotice => true,
        }
    }
}

impl FromStr for SoldOutUntil {
    type Err = ParseSoldOutError;

    fn from_str(text: &str) -> Result<Self, ParseSoldOutError> {
        if text == FURTHER_NOTICE {
            return Ok(Self::FurtherNotice);
        }
        Timestamp::parse(text).map(Self::Time).ok_or(ParseSoldOutError)
    }
}

impl fmt::Display for SoldOutUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(end) => end.fmt(f),
            Self::FurtherNotice => f.write_str(FURTHER_NOTICE),
        }
    }
}

impl Serialize for SoldOutUntil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SoldOutUntil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_item_is_back_at_the_very_end() {
        let until: SoldOutUntil = "2026-11-30T12:00:00+01:00".parse().unwrap();
        assert_eq!(until.to_string(), "2026-11-30T11:00:00.000Z");
        assert!(until.is_in_future_of(datetime!(2026-11-30 10:59:59.999 UTC)));
        assert!(!until.is_in_future_of(datetime!(2026-11-30 11:00 UTC)));
        let notice: SoldOutUntil = "further_notice".parse().unwrap();
        assert!(notice.is_in_future_of(datetime!(9999-12-31 23:59 UTC)));
        assert_eq!(notice.to_string(), "further_notice");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "tomorrow", "end_of_day", "2026-11-30", "2026-11-30T12:00:00", "Further_Notice"] {
            assert_eq!(text.parse::<SoldOutUntil>(), Err(ParseSoldOutError), "{text}");
        }
    }
}
