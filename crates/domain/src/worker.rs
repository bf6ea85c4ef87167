//! Kitchen workers: their names, and the order types that they cook.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::OrderType;
use crate::order_type::ParseOrderTypeError;
use crate::text_rules::{self, TextFault};

/// The unique name of a kitchen worker: 1 to 64 of the characters of a customer's name, `_` and
/// `.`. It is safe as a file name: it has a letter or a digit, and no path separator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerName(String);

/// The text is not a worker name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a worker name has 1 to 64 letters, digits, spaces, hyphens, apostrophes, '_' or '.' and does not start or end with a space; \
     this one {0}"
)]
pub struct ParseWorkerNameError(NameFault);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NameFault {
    #[error(transparent)]
    Text(TextFault),
    #[error("does")]
    SpaceAround,
}

impl WorkerName {
    /// The name as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkerName {
    type Err = ParseWorkerNameError;

    fn from_str(text: &str) -> Result<Self, ParseWorkerNameError> {
        if let Some(fault) = text_rules::worker_name(text).into_iter().next() {
            return Err(ParseWorkerNameError(NameFault::Text(fault)));
        }
        if text != text.trim() {
            return Err(ParseWorkerNameError(NameFault::SpaceAround));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The order types that a worker cooks (`--order-types`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Specialisation {
    /// All types.
    General,
    /// Only these types. Never empty.
    Only(BTreeSet<OrderType>),
}

/// Why a list of order types cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpecialisationError {
    /// The list names an unknown type.
    #[error(transparent)]
    Unknown(#[from] ParseOrderTypeError),
    /// The list names no type.
    #[error(
        "the list names no order type (allowed: dine_in, takeout, delivery; leave it out to cook everything)"
    )]
    Empty,
}

impl Specialisation {
    /// Whether the worker cooks orders of this type.
    pub fn cooks(&self, order_type: OrderType) -> bool {
        match self {
            Self::General => true,
            Self::Only(types) => types.contains(&order_type),
        }
    }
}

impl FromStr for Specialisation {
    type Err = ParseSpecialisationError;

    /// Parses a comma-separated list. Spaces around names and repeated names are ignored.
    fn from_str(list: &str) -> Result<Self, ParseSpecialisationError> {
        let types = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(OrderType::from_str)
            .collect::<Result<BTreeSet<_>, _>>()?;
        if types.is_empty() { Err(ParseSpecialisationError::Empty) } else { Ok(Self::Only(types)) }
    }
}

impl fmt::Display for Specialisation {
    /// Writes the `type` column of `workers`: `general`, or the names joined by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::General => f.write_str("general"),
            Self::Only(types) => {
                for (place, order_type) in types.iter().enumerate() {
                    write!(f, "{}{order_type}", if place == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_types() {
        let both = Specialisation::Only([OrderType::DineIn, OrderType::Takeout].into());
        assert_eq!(" dine_in , takeout".parse(), Ok(both.clone()));
        assert_eq!("takeout,dine_in,takeout,".parse(), Ok(both.clone()));
        assert_eq!(both.to_string(), "dine_in,takeout");
        assert_eq!(" , ".parse::<Specialisation>(), Err(ParseSpecialisationError::Empty));
        let refused = "dine_in,drive_in".parse::<Specialisation>().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "unknown order type 'drive_in' (allowed: dine_in, takeout, delivery)"
        );
    }

    #[test]
    fn worker_names() {
        for good in [
            "chef_mario",
            "Chef Anna-2",
            "José",
            "kitchen-worker-7f9c.x",
            "प्रिया",
            "O’Brien",
            "علی\u{200c}رضا",
            "李 雷",
        ] {
            assert_eq!(good.parse::<WorkerName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            " chef",
            "chef\n",
            "\u{1b}[2J",
            "a,b",
            "..",
            "a/b",
            "\u{3000}a",
            "\u{301}",
            "½",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<WorkerName>().is_err(), "{bad:?}");
        }
        let refused = " chef".parse::<WorkerName>().unwrap_err().to_string();
        assert!(refused.ends_with("does not start or end with a space; this one does"), "{refused}");
        let refused = "a,b".parse::<WorkerName>().unwrap_err().to_string();
        assert!(refused.ends_with("'_' and '.', found ','"), "{refused}");
    }
}
