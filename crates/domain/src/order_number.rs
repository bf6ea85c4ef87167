//! Order numbers: `ORD_YYYYMMDD_NNN`.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};

/// The number of an order: a UTC day, and the position of the order in that day.
///
/// The position has at least three digits; 999 is followed by 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber {
    day: Date,
    sequence: u32,
}

/// The text is not an order number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an order number of the form ORD_YYYYMMDD_NNN")]
pub struct ParseOrderNumberError;

impl OrderNumber {
    /// The `sequence`-th order (from 1) of a day.
    pub const fn new(day: Date, sequence: u32) -> Self {
        Self { day, sequence }
    }

    /// Its position in that day, from 1.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The UTC day.
    pub fn day(&self) -> Date {
        self.day
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.day.to_calendar_date();
        write!(f, "ORD_{year:04}{:02}{day:02}_{:03}", u8::from(month), self.sequence)
    }
}

impl FromStr for OrderNumber {
    type Err = ParseOrderNumberError;

    /// Accepts exactly what `Display` writes, so that one order never has two spellings.
    fn from_str(text: &str) -> Result<Self, ParseOrderNumberError> {
        let parse = || -> Option<Self> {
            let (day, sequence) = text.strip_prefix("ORD_")?.split_once('_')?;
            let year = day.get(0..4)?.parse().ok()?;
            let month: u8 = day.get(4..6)?.parse().ok()?;
            let day = day.get(6..)?.parse().ok()?;
            let day = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
            Some(Self { day, sequence: sequence.parse().ok()? })
        };
        parse()
            .filter(|number| number.sequence > 0 && number.to_string() == text)
            .ok_or(ParseOrderNumberError)
    }
}

impl Serialize for OrderNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| D::Error::custom(format_args!("'{}' {why}", text.escape_debug())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    #[test]
    fn the_sequence_has_at_least_three_digits() {
        let day = date!(2024 - 12 - 16);
        for (sequence, text) in [
            (1, "ORD_20241216_001"),
            (999, "ORD_20241216_999"),
            (1000, "ORD_20241216_1000"),
            (1_234_567, "ORD_20241216_1234567"),
        ] {
            assert_eq!(OrderNumber::new(day, sequence).to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "ORD",
            "ORD_20241216",
            "ORD_20241216_",
            "ORD_20241216_1",
            "ORD_20241216_0001",
            "ORD_20241216_000",
            "ord_20241216_001",
            "ORD_20241301_001",
            "ORD_20240230_001",
            "ORD_20241216_001 ",
            "ORD_20241216_+01",
            "ORD_20241216_99999999999",
            "ORD_2024121_6001",
            "ORD_２０２４1216_001",
        ] {
            assert_eq!(text.parse::<OrderNumber>(), Err(ParseOrderNumberError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back(ordinal in 1_u16..=366, year in 2000_i32..2100, sequence in 1_u32..) {
            prop_assume!(Date::from_ordinal_date(year, ordinal).is_ok());
            let number = OrderNumber::new(Date::from_ordinal_date(year, ordinal).unwrap(), sequence);
            prop_assert_eq!(number.to_string().parse::<OrderNumber>(), Ok(number));
        }

        #[test]
        fn no_text_panics(text in "(ORD_)?\\PC{0,30}") {
            let _ = text.parse::<OrderNumber>();
        }
    }
}
