//! Exact amounts of money: decimal digits from the request to the database and back, never floats.

use std::fmt;
use std::iter::Sum;
use std::ops::Neg;
use std::str::FromStr;

use bigdecimal::{BigDecimal, ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest number that is parsed, in characters. Every valid price is far shorter.
const MAX_DIGITS: usize = 40;

/// An amount in the restaurant's currency, with exactly two decimals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(BigDecimal);

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not a decimal number.
    #[error("is not a decimal number")]
    NotANumber,
    /// A third decimal, even a zero: it suggests that the client computes with floats.
    #[error("must have at most two decimals")]
    TooManyDecimals,
    /// Too large for any column of the database.
    #[error("is too large")]
    TooLarge,
}

impl Money {
    /// The largest total of an order, in cents: 99,999,999.99, which the columns of orders hold.
    pub const MAX_CENTS: i64 = 9_999_999_999;

    /// Makes an amount from cents.
    pub fn from_cents(cents: i64) -> Self {
        Self(BigDecimal::new(cents.into(), 2))
    }

    /// The amount in cents; `None` if it has more than an `i64` holds.
    pub fn to_cents(&self) -> Option<i64> {
        // Every amount is made with two decimals, so the digits are the cents.
        let (digits, _) = self.0.as_bigint_and_scale();
        digits.to_i64()
    }

    /// The price of `quantity` pieces at this price each.
    #[must_use]
    pub fn times(&self, quantity: u8) -> Self {
        Self((&self.0 * BigDecimal::from(quantity)).with_scale(2))
    }
}

impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        if text.len() > MAX_DIGITS {
            return Err(ParseMoneyError::TooLarge);
        }
        let amount = BigDecimal::from_str(text).map_err(|_| ParseMoneyError::NotANumber)?;
        // Check the exponent before any arithmetic: 1e999999999 is short to write and huge to
        // compute.
        match amount.fractional_digit_count() {
            3.. => Err(ParseMoneyError::TooManyDecimals),
            -9..=2 => Ok(Self(amount.with_scale(2))),
            _ => Err(ParseMoneyError::TooLarge),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_plain_string())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(BigDecimal::new(0.into(), 2), |total, amount| total + amount.0))
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // bigdecimal itself writes nothing as 0, and everything else with its decimals.
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        number.as_str().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_specifications_example_is_exact() {
        let total: Money = ["15.99", "8.99"].iter().map(|price| price.parse::<Money>().unwrap()).sum();
        assert_eq!(serde_json::to_string(&total).unwrap(), "24.98");
    }

    #[test]
    fn the_largest_order_fits() {
        let total: Money = (0..20).map(|_| "999.99".parse::<Money>().unwrap().times(10)).sum();
        assert_eq!(total.to_string(), "199998.00");
    }

    #[test]
    fn texts_that_are_not_amounts_are_refused() {
        for (text, why) in [
            ("", ParseMoneyError::NotANumber),
            ("ten", ParseMoneyError::NotANumber),
            ("NaN", ParseMoneyError::NotANumber),
            ("1.999", ParseMoneyError::TooManyDecimals),
            ("1.990", ParseMoneyError::TooManyDecimals),
            ("1e-3", ParseMoneyError::TooManyDecimals),
            ("1e400", ParseMoneyError::TooLarge),
            ("1e999999999", ParseMoneyError::TooLarge),
            ("0000000000000000000000000000000000000000001", ParseMoneyError::TooLarge),
        ] {
            assert_eq!(text.parse::<Money>(), Err(why), "{text}");
        }
    }

    #[test]
    fn cents_are_those_of_any_spelling() {
        for (text, cents) in [("7", 700), ("0.5", 50), ("-1.25", -125), ("1e3", 100_000), ("0", 0)] {
            assert_eq!(text.parse::<Money>().unwrap().to_cents(), Some(cents), "{text}");
        }
        assert_eq!((-Money::from_cents(125)).to_string(), "-1.25");
        assert_eq!((-Money::from_cents(0)).to_string(), "0.00");
        let largest = "9".repeat(40).parse::<Money>().unwrap();
        assert_eq!(largest.to_cents(), None);
        let product = Money::from_cents(999).times(3);
        assert_eq!(product.to_cents(), Some(2_997));
        assert_eq!([product.clone(), product].into_iter().sum::<Money>().to_cents(), Some(5_994));
    }

    #[test]
    fn nothing_has_two_decimals_as_well() {
        assert_eq!(serde_json::to_string(&Money::from_cents(0)).unwrap(), "0.00");
        assert_eq!(serde_json::to_string(&-Money::from_cents(5)).unwrap(), "-0.05");
    }

    proptest! {
        #[test]
        fn cents_survive_text_and_json(cents in 0_i64..10_000_000_000) {
            let money = Money::from_cents(cents);
            prop_assert_eq!(money.to_cents(), Some(cents));
            prop_assert_eq!(&money.to_string().parse::<Money>().unwrap(), &money);
            let json = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(&json, &format!("{}.{:02}", cents / 100, cents % 100));
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }

        #[test]
        fn a_sum_is_the_sum_of_the_cents(
            prices in prop::collection::vec((1_i64..=99_999, 1_u8..=10), 1..=20),
        ) {
            let price = |(cents, quantity): &(i64, u8)| Money::from_cents(*cents).times(*quantity);
            let total: Money = prices.iter().map(price).sum();
            let cents: i64 = prices.iter().map(|(cents, quantity)| cents * i64::from(*quantity)).sum();
            prop_assert_eq!(total, Money::from_cents(cents));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<Money>();
        }
    }
}
