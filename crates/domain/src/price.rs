//! The price of one piece, and any other single amount that staff set: 0.01 to 999.99.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Money;
use crate::money::ParseMoneyError;

/// An amount of 0.01 to 999.99 (specification, "Input Validation", `item.price`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price {
    /// 1 to [`Self::MAX_CENTS`].
    cents: u32,
}

/// Why an amount is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePriceError {
    /// The text is not an amount of money with at most two decimals.
    #[error(transparent)]
    Money(#[from] ParseMoneyError),
    /// Too small or too large.
    #[error("must be between 0.01 and 999.99")]
    OutOfRange,
}

impl Price {
    /// The highest price, in cents.
    const MAX_CENTS: u32 = 99_999;

    /// Makes a price from cents.
    ///
    /// # Errors
    /// It is not between 0.01 and 999.99.
    pub fn from_cents(cents: i64) -> Result<Self, ParsePriceError> {
        match u32::try_from(cents) {
            Ok(cents @ 1..=Self::MAX_CENTS) => Ok(Self { cents }),
            _ => Err(ParsePriceError::OutOfRange),
        }
    }

    /// The price in cents.
    pub fn cents(self) -> u32 {
        self.cents
    }

    /// The price as an amount of money.
    pub fn money(self) -> Money {
        Money::from_cents(self.cents.into())
    }
}

impl TryFrom<&Money> for Price {
    type Error = ParsePriceError;

    fn try_from(amount: &Money) -> Result<Self, ParsePriceError> {
        Self::from_cents(amount.to_cents().ok_or(ParsePriceError::OutOfRange)?)
    }
}

impl From<Price> for Money {
    fn from(price: Price) -> Self {
        price.money()
    }
}

impl FromStr for Price {
    type Err = ParsePriceError;

    fn from_str(text: &str) -> Result<Self, ParsePriceError> {
        match text.parse::<Money>() {
            Ok(amount) => Self::try_from(&amount),
            Err(ParseMoneyError::TooLarge) => Err(ParsePriceError::OutOfRange),
            Err(why) => Err(why.into()),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.money().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(&Money::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_are_prices_and_nothing_beyond_them() {
        for (text, cents) in [("0.01", 1), ("999.99", 99_999), ("9.5", 950), ("10", 1_000)] {
            let price: Price = text.parse().unwrap();
            assert_eq!(price.cents(), cents, "{text}");
            assert_eq!(price.to_string(), price.money().to_string());
            assert_eq!(serde_json::to_string(&price).unwrap(), price.to_string());
            assert_eq!(serde_json::from_str::<Price>(text).unwrap(), price);
        }
        for text in ["0", "0.00", "-1", "1000", "1000.00", "1e20", &"9".repeat(40)] {
            assert_eq!(text.parse::<Price>(), Err(ParsePriceError::OutOfRange), "{text}");
        }
        for (text, why) in [
            ("1.005", ParseMoneyError::TooManyDecimals),
            ("9,50", ParseMoneyError::NotANumber),
            ("", ParseMoneyError::NotANumber),
        ] {
            assert_eq!(text.parse::<Price>(), Err(ParsePriceError::Money(why)), "{text}");
        }
    }
}
