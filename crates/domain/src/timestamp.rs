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
        let text = self.0.to_offset(UtcOffset::UTC).format(&format).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
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
        OffsetDateTime::parse(&text, &Rfc3339).map(Self).map_err(serde::de::Error::custom)
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
    fn the_specifications_form_is_read() {
        let moment: Timestamp = serde_json::from_str("\"2024-12-16T10:32:00Z\"").unwrap();
        assert_eq!(moment, Timestamp(datetime!(2024-12-16 10:32:00 UTC)));
    }
}
