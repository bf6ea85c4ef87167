//! Percentages as exact decimals.

use std::fmt;
use std::str::FromStr;

/// Decimals of a percentage.
const DECIMALS: usize = 4;
/// Units in one per cent: a unit is its ten-thousandth part.
const UNITS: u32 = 10_000;
/// Units in the whole.
const WHOLE: u32 = 100 * UNITS;

/// A discount in per cent: above 0, at most 100, with up to four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

/// A tax rate in per cent: 0 to 100, with up to four decimals. A rate of 0 exempts an item or a
/// category from a more general tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxRate(u32);

/// Why a text is not a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePercentError {
    /// Not digits with at most one decimal point.
    #[error("must be a decimal number such as 7.5, without '%' and exponent")]
    NotANumber,
    /// A fifth decimal, even a zero.
    #[error("must have at most {DECIMALS} decimals")]
    TooManyDecimals,
    /// A discount that takes nothing off, or more than everything.
    #[error("must be above 0 and at most 100")]
    OutOfRange,
    /// A tax above the price.
    #[error("must be between 0 and 100")]
    RateOutOfRange,
}

impl Percent {
    /// All of it.
    pub const ALL: Self = Self(WHOLE);
    /// Units of [`Self::units`] in the whole.
    pub(super) const WHOLE: u32 = WHOLE;

    /// The percentage in ten-thousandths of one per cent.
    pub fn units(self) -> u32 {
        self.0
    }
}

impl TaxRate {
    /// Units of [`Self::units`] in the whole.
    pub(super) const WHOLE: u32 = WHOLE;

    /// The rate in ten-thousandths of one per cent.
    pub fn units(self) -> u32 {
        self.0
    }
}

/// Parses a decimal number. `None` if it is too large to be any percentage.
fn units(text: &str) -> Result<Option<u32>, ParsePercentError> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return Err(ParsePercentError::NotANumber),
        None => (text, ""),
    };
    let are_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(decimals) {
        return Err(ParsePercentError::NotANumber);
    }
    if decimals.len() > DECIMALS {
        return Err(ParsePercentError::TooManyDecimals);
    }
    Ok(format!("{whole}{decimals:0<DECIMALS$}").parse().ok())
}

fn write_units(units: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{}.{:0DECIMALS$}", units / UNITS, units % UNITS);
    f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
}

impl FromStr for Percent {
    type Err = ParsePercentError;

    fn from_str(text: &str) -> Result<Self, ParsePercentError> {
        match units(text)? {
            Some(units @ 1..=WHOLE) => Ok(Self(units)),
            _ => Err(ParsePercentError::OutOfRange),
        }
    }
}

impl FromStr for TaxRate {
    type Err = ParsePercentError;

    fn from_str(text: &str) -> Result<Self, ParsePercentError> {
        match units(text)? {
            Some(units @ 0..=WHOLE) => Ok(Self(units)),
            _ => Err(ParsePercentError::RateOutOfRange),
        }
    }
}

/// Without zeros at the end: `7.5`, `10`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(self.0, f)
    }
}

/// As [`Percent`].
impl fmt::Display for TaxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_one_percentage() {
        for (text, written) in [
            ("10", "10"),
            ("7.5", "7.5"),
            ("7.50", "7.5"),
            ("007.5000", "7.5"),
            ("100", "100"),
            ("0.0001", "0.0001"),
        ] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), written);
            assert_eq!(text.parse::<TaxRate>().unwrap().to_string(), written);
        }
        assert_eq!("0".parse::<TaxRate>().unwrap().to_string(), "0");
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        use ParsePercentError::{NotANumber, OutOfRange, RateOutOfRange, TooManyDecimals};
        for (text, why, rate_why) in [
            ("", NotANumber, Some(NotANumber)),
            (".5", NotANumber, Some(NotANumber)),
            ("5.", NotANumber, Some(NotANumber)),
            ("1.2.3", NotANumber, Some(NotANumber)),
            ("-5", NotANumber, Some(NotANumber)),
            ("+5", NotANumber, Some(NotANumber)),
            ("10%", NotANumber, Some(NotANumber)),
            ("7,5", NotANumber, Some(NotANumber)),
            ("1e1", NotANumber, Some(NotANumber)),
            ("٣", NotANumber, Some(NotANumber)),
            ("7.12345", TooManyDecimals, Some(TooManyDecimals)),
            ("7.50000", TooManyDecimals, Some(TooManyDecimals)),
            ("130", OutOfRange, Some(RateOutOfRange)),
            ("100.0001", OutOfRange, Some(RateOutOfRange)),
            ("99999999999999999999", OutOfRange, Some(RateOutOfRange)),
            ("0", OutOfRange, None),
            ("0.0000", OutOfRange, None),
        ] {
            assert_eq!(text.parse::<Percent>(), Err(why), "{text}");
            assert_eq!(text.parse::<TaxRate>().err(), rate_why, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back(units in 1..=WHOLE) {
            let percent = Percent(units);
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[0-9.]{0,300}") {
            let _ = text.parse::<Percent>();
        }
    }
}
