//! Where the restaurant is on the clock: rules of prices and the end of a day go by its local time.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone as Zone;
use jiff::{Timestamp, ToSpan as _};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A time zone of the IANA database, such as `Europe/Berlin`. The database is part of the program:
/// the machine's own is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(Zone);

/// A text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is '{0}', which is not a time zone (allowed: names of the IANA database, such as Europe/Berlin)")]
pub struct ParseTimeZoneError(String);

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Zone::UTC);

    /// What the clocks of this zone show at a moment. Whole seconds: no rule needs less.
    ///
    /// A moment outside the years -9999 to 9999 counts as the nearest one inside.
    pub fn local(&self, moment: OffsetDateTime) -> PrimitiveDateTime {
        from_civil(self.0.to_datetime(timestamp(moment)))
    }

    /// The moment at which the next day of this zone begins. A day that does not begin at midnight,
    /// because the clocks are put forward then, begins with its first moment.
    pub fn end_of_day(&self, moment: OffsetDateTime) -> OffsetDateTime {
        let at = timestamp(moment);
        let tomorrow = self.0.to_datetime(at).date().saturating_add(1.day());
        let begins = tomorrow.to_datetime(civil::Time::midnight()).to_zoned(self.0.clone());
        let seconds = begins.map_or(at, |begins| begins.timestamp()).as_second();
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(moment)
    }
}

fn timestamp(moment: OffsetDateTime) -> Timestamp {
    let limit = if moment.unix_timestamp() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(moment.unix_timestamp()).unwrap_or(limit)
}

fn from_civil(shown: civil::DateTime) -> PrimitiveDateTime {
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let month = Month::try_from(part(shown.month())).unwrap_or(Month::January);
    let date = Date::from_calendar_date(shown.year().into(), month, part(shown.day()));
    let time = Time::from_hms(part(shown.hour()), part(shown.minute()), part(shown.second()));
    PrimitiveDateTime::new(date.unwrap_or(Date::MIN), time.unwrap_or(Time::MIDNIGHT))
}

impl FromStr for TimeZone {
    type Err = ParseTimeZoneError;

    fn from_str(text: &str) -> Result<Self, ParseTimeZoneError> {
        let zone = Zone::get(text).map_err(|_| ParseTimeZoneError(text.to_owned()))?;
        // "Etc/Unknown" is a name for not knowing.
        if zone.is_unknown() { Err(ParseTimeZoneError(text.to_owned())) } else { Ok(Self(zone)) }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    #[test]
    fn the_clocks_of_a_zone_show_summer_and_winter() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.local(datetime!(2026-07-01 22:30 UTC)), datetime!(2026-07-02 00:30));
        assert_eq!(berlin.local(datetime!(2026-12-01 22:30 UTC)), datetime!(2026-12-01 23:30));
        assert_eq!(zone("Asia/Kathmandu").local(datetime!(2026-01-01 0:00 UTC)), datetime!(2026-01-01 5:45));
        assert_eq!(TimeZone::UTC.local(datetime!(2026-01-01 0:00 UTC)), datetime!(2026-01-01 0:00));
    }

    #[test]
    fn a_day_ends_at_the_next_midnight_of_the_zone() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.end_of_day(datetime!(2026-07-01 12:00 UTC)), datetime!(2026-07-01 22:00 UTC));
        assert_eq!(berlin.end_of_day(datetime!(2026-07-01 22:00 UTC)), datetime!(2026-07-02 22:00 UTC));
        // The clocks are put back in this night: the day has 25 hours.
        assert_eq!(berlin.end_of_day(datetime!(2026-10-24 22:00 UTC)), datetime!(2026-10-25 23:00 UTC));
        // In Beirut a day of spring begins at one o'clock.
        assert_eq!(
            zone("Asia/Beirut").end_of_day(datetime!(2026-03-28 12:00 UTC)),
            datetime!(2026-03-28 22:00 UTC)
        );
    }

    #[test]
    fn names_are_those_of_the_iana_database() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert_eq!(zone(name).to_string(), name);
        }
        for wrong in ["", "Berlin", "Europe/Atlantis", "+02:00", "Etc/Unknown", "../etc/passwd"] {
            let why = wrong.parse::<TimeZone>().unwrap_err().to_string();
            assert!(why.starts_with(&format!("is '{wrong}', ")), "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_day_ends_within_its_hours_and_no_moment_panics(
            seconds in -377_705_116_800_i64..=253_402_300_799,
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns"]),
        ) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let zone = zone(name);
            let end = zone.end_of_day(moment);
            // Apia left out a whole day once.
            prop_assert!(end - moment <= Duration::hours(49), "{end}");
            if moment.year() < 9999 {
                prop_assert!(end > moment);
                prop_assert_eq!(zone.local(end).date(), zone.local(end + Duration::SECOND).date());
                prop_assert_ne!(zone.local(end).date(), zone.local(end - Duration::SECOND).date());
            }
        }
    }
}
