//! The hours of a day in which a rule applies.

use std::fmt;
use std::str::FromStr;

use time::{PrimitiveDateTime, Weekday};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A span of the day in the restaurant's local time, such as `15:00-18:00`. The first minute is in
/// it, the last is not. A span whose end is before its start crosses midnight: `22:00-02:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hours {
    /// Minute of the day, 0 to 1439.
    from: u16,
    /// Minute of the day, 0 to 1440, other than `from`.
    until: u16,
}

/// Why a text is not a span of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseHoursError {
    /// Another form.
    #[error("must be two times such as \"15:00-18:00\", from 00:00 to 24:00")]
    Form,
    /// It could mean no time or all day.
    #[error("must not begin and end at the same time (leave it out for the whole day)")]
    Empty,
}

impl Hours {
    /// The weekday on which the span that contains this moment began; `None` outside the span.
    /// After midnight, that is the day before: Friday's `22:00-02:00` goes on into Saturday.
    pub fn weekday_at(self, at: PrimitiveDateTime) -> Option<Weekday> {
        let minute = u16::from(at.hour()) * 60 + u16::from(at.minute());
        if self.from < self.until {
            return (self.from..self.until).contains(&minute).then(|| at.weekday());
        }
        match minute {
            minute if minute >= self.from => Some(at.weekday()),
            minute if minute < self.until => Some(at.weekday().previous()),
            _ => None,
        }
    }
}

/// Parses `HH:MM`, up to 24:00, as a minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |digits: &str| {
        let are_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if are_digits { digits.parse::<u16>().ok() } else { None }
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY).then_some(of_day)
}

impl FromStr for Hours {
    type Err = ParseHoursError;

    fn from_str(text: &str) -> Result<Self, ParseHoursError> {
        let (from, until) = text.split_once('-').ok_or(ParseHoursError::Form)?;
        let (from, until) = (minute(from), minute(until));
        match (from, until) {
            (Some(from), Some(until)) if from == until => Err(ParseHoursError::Empty),
            (Some(from), Some(until)) if from < DAY => Ok(Self { from, until }),
            _ => Err(ParseHoursError::Form),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_first_minute_is_in_and_the_last_is_not() {
        let hours: Hours = "15:00-18:00".parse().unwrap();
        for (at, is_in) in [
            (datetime!(2026-11-30 14:59:59.999), false),
            (datetime!(2026-11-30 15:00), true),
            (datetime!(2026-11-30 17:59:59.999), true),
            (datetime!(2026-11-30 18:00), false),
        ] {
            assert_eq!(hours.weekday_at(at).is_some(), is_in, "{at}");
        }
    }

    #[test]
    fn hours_after_midnight_belong_to_the_day_before() {
        let hours: Hours = "22:00-02:00".parse().unwrap();
        for (at, weekday) in [
            (datetime!(2026-11-27 21:59), None),
            (datetime!(2026-11-27 22:00), Some(Weekday::Friday)),
            (datetime!(2026-11-28 00:00), Some(Weekday::Friday)),
            (datetime!(2026-11-28 01:59), Some(Weekday::Friday)),
            (datetime!(2026-11-28 02:00), None),
            (datetime!(2026-11-28 23:00), Some(Weekday::Saturday)),
        ] {
            assert_eq!(hours.weekday_at(at), weekday, "{at}");
        }
    }

    #[test]
    fn midnight_may_be_written_as_the_end_of_a_day_or_the_start_of_the_next() {
        for text in ["18:00-24:00", "18:00-00:00"] {
            let hours: Hours = text.parse().unwrap();
            assert_eq!(hours.to_string(), text);
            assert_eq!(hours.weekday_at(datetime!(2026-11-27 23:59)), Some(Weekday::Friday));
            assert_eq!(hours.weekday_at(datetime!(2026-11-28 00:00)), None);
        }
        let all_day: Hours = "00:00-24:00".parse().unwrap();
        assert_eq!(all_day.weekday_at(datetime!(2026-11-27 12:00)), Some(Weekday::Friday));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "15:00",
            "15-18",
            "15:00-",
            "-18:00",
            "15:00-25:00",
            "15:00-18:60",
            "24:00-02:00",
            "24:01-02:00",
            "9:00-10:00",
            "15:00 - 18:00",
            "15:00–18:00",
            "+1:00-02:00",
            "15:00-18:00-20:00",
            "3pm-6pm",
        ] {
            assert_eq!(text.parse::<Hours>(), Err(ParseHoursError::Form), "{text}");
        }
        assert_eq!("15:00-15:00".parse::<Hours>(), Err(ParseHoursError::Empty));
    }
}
