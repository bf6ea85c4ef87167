//! Timestamps in JSON: RFC 3339, UTC, `Z`, milliseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A moment, written as `2024-12-16T10:32:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub OffsetDateTime);

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let moment = self.0.checked_to_offset(UtcOffset::UTC).ok_or(std::fmt::Error)?;
        let text = moment.format(&format).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

impl Timestamp {
    /// Parses RFC 3339 with any offset. `None` if the text has another form, or if the moment lies
    /// outside the years 0 to 9999 in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
        (0..=9999).contains(&moment.year()).then_some(Self(moment))
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self(moment)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a moment in the form of RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn other_offsets_become_utc_and_microseconds_are_cut() {
        let moment = Timestamp(datetime!(2024-12-16 12:32:00.123_999 +2));
        assert_eq!(moment.to_string(), "2024-12-16T10:32:00.123Z");
    }

    #[test]
    fn what_is_no_moment_in_utc_is_refused() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01", "2024-12-16", "yesterday"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        let last = Timestamp::parse("9999-12-31T23:59:59.999Z").map(|moment| moment.to_string());
        assert_eq!(last.as_deref(), Some("9999-12-31T23:59:59.999Z"));
    }

    #[test]
    fn the_specifications_form_is_read() {
        let moment: Timestamp = serde_json::from_str("\"2024-12-16T10:32:00Z\"").unwrap();
        assert_eq!(moment, Timestamp(datetime!(2024-12-16 10:32:00 UTC)));
    }
}
