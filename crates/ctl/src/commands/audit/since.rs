//! `--since`: the time from which on an audit checks orders.

use std::time::Duration;

use db::audit::Since;
use domain::OrderNumber;
use runtime::time_span;

/// The text is neither a day nor a time back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a day such as 2026-11-21 nor a time back such as 90s, 30m, 1h, 2d")]
pub struct ParseSinceError(String);

/// Parses a UTC day or a time back.
pub fn since(text: &str) -> Result<Since, ParseSinceError> {
    day(text).or_else(|| ago(text)).ok_or_else(|| ParseSinceError(text.to_owned()))
}

/// A day of order numbers.
fn day(text: &str) -> Option<Since> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let number: OrderNumber = format!("ORD_{year}{month}{day}_001").parse().ok()?;
    ((year.len(), month.len()) == (4, 2)).then_some(Since::Day(number.day()))
}

/// A time back. It is limited to what the database can subtract from any moment of this system's
/// life.
fn ago(text: &str) -> Option<Since> {
    let seconds = u32::try_from(time_span::seconds(text)?).ok()?;
    Some(Since::Ago(Duration::from_secs(seconds.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_back() {
        let Ok(Since::Day(day)) = since("2026-11-21") else { panic!("a day") };
        assert_eq!(day.to_string(), "2026-11-21");
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("2d", 172_800)] {
            assert_eq!(since(text), Ok(Since::Ago(Duration::from_secs(seconds))));
        }
        for text in ["", "h", "2026-13-01", "2026-1-21", "20261121", "1w", "-1h", "99999999999d", "49711d"] {
            assert_eq!(since(text), Err(ParseSinceError(text.to_owned())), "{text}");
        }
    }
}
