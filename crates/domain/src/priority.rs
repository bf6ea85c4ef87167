//! The priority of an order in the kitchen.

use serde::{Deserialize, Serialize};

use crate::Money;

/// A message priority; the broker delivers higher ones first (specification, "Assign `priority`").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "u8")]
pub struct Priority(u8);

impl Priority {
    /// The highest priority. The queues are declared with it.
    pub const MAX: u8 = 10;

    /// Totals above 100 have priority 10, from 50 to 100 (both included) 5, all others 1.
    pub fn of_total(total: &Money) -> Self {
        if *total > Money::from_cents(10_000) {
            Self(10)
        } else if *total >= Money::from_cents(5_000) {
            Self(5)
        } else {
            Self(1)
        }
    }

    /// The number used in messages, routing keys and SQL.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// The number is not a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("priority {0} is not between 1 and 10")]
pub struct ParsePriorityError(pub i32);

impl TryFrom<i32> for Priority {
    type Error = ParsePriorityError;

    fn try_from(number: i32) -> Result<Self, ParsePriorityError> {
        match u8::try_from(number) {
            Ok(priority @ 1..=Self::MAX) => Ok(Self(priority)),
            _ => Err(ParsePriorityError(number)),
        }
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_belong_to_the_middle() {
        for (total, priority) in [
            ("0.01", 1),
            ("49.99", 1),
            ("50", 5),
            ("50.01", 5),
            ("100.00", 5),
            ("100.01", 10),
            ("199998", 10),
        ] {
            assert_eq!(Priority::of_total(&total.parse().unwrap()).get(), priority, "{total}");
        }
    }
}
