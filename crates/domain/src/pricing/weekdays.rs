//! A set of weekdays.

use std::fmt;

use time::Weekday;

/// The names in files, Monday first, each at the place of [`Weekday::number_days_from_monday`].
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// One or more days of the week. All of them by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weekdays {
    /// One flag for each of [`NAMES`].
    flags: [bool; NAMES.len()],
}

/// Why a list is not a set of weekdays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseWeekdaysError {
    /// The list names something else.
    #[error("names the unknown weekday '{0}' (allowed: mon, tue, wed, thu, fri, sat, sun)")]
    Unknown(String),
    /// The list names no day.
    #[error("names no weekday (leave it out for all of them)")]
    Empty,
}

impl Weekdays {
    /// All days.
    pub const ALL: Self = Self { flags: [true; NAMES.len()] };

    /// Parses a list of names. A repeated name counts once.
    ///
    /// # Errors
    /// A name is unknown, or there is none.
    pub fn parse(names: &[&str]) -> Result<Self, ParseWeekdaysError> {
        if let Some(unknown) = names.iter().find(|name| !NAMES.contains(name)) {
            return Err(ParseWeekdaysError::Unknown((*unknown).to_owned()));
        }
        if names.is_empty() {
            return Err(ParseWeekdaysError::Empty);
        }
        Ok(Self { flags: NAMES.map(|name| names.contains(&name)) })
    }

    /// Whether the set has this day.
    pub fn contains(self, day: Weekday) -> bool {
        self.flags.get(usize::from(day.number_days_from_monday())).is_some_and(|is_in| *is_in)
    }

    /// The names of the days in it, Monday first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().zip(self.flags).filter_map(|(name, is_in)| is_in.then_some(name))
    }
}

impl Default for Weekdays {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Weekdays {
    /// Writes the names, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names().enumerate() {
            write!(f, "{}{name}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_its_day() {
        let mut day = Weekday::Monday;
        for name in NAMES {
            let days = Weekdays::parse(&[name]).unwrap();
            assert_eq!(days.to_string(), name);
            assert!(days.contains(day) && !days.contains(day.next()), "{name}");
            assert!(Weekdays::ALL.contains(day));
            day = day.next();
        }
        assert_eq!(Weekdays::parse(&["tue", "mon", "tue"]).unwrap().to_string(), "mon, tue");
    }

    #[test]
    fn other_names_are_refused() {
        assert_eq!(Weekdays::parse(&[]), Err(ParseWeekdaysError::Empty));
        for name in ["Mon", "monday", "", " mon", "1"] {
            assert_eq!(Weekdays::parse(&["tue", name]), Err(ParseWeekdaysError::Unknown(name.to_owned())));
        }
    }
}
