//! A set of order types: those for which an item is sold, or a rule applies.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::OrderType;
use crate::order_type::ParseOrderTypeError;

/// One or more order types. All of them by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderTypes {
    /// One flag for each of [`OrderType::ALL`].
    flags: [bool; OrderType::ALL.len()],
}

/// Why a list is not a set of order types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseOrderTypesError {
    /// The list names an unknown type.
    #[error("names the unknown order type '{0}' (allowed: dine_in, takeout, delivery)")]
    Unknown(String),
    /// The list names no type.
    #[error("names no order type (leave it out for all of them)")]
    Empty,
}

impl OrderTypes {
    /// All order types.
    pub const ALL: Self = Self { flags: [true; OrderType::ALL.len()] };

    /// Parses a list of names. A repeated name counts once.
    ///
    /// # Errors
    /// A name is unknown, or there is none.
    pub fn parse(names: &[&str]) -> Result<Self, ParseOrderTypesError> {
        let types = names.iter().map(|name| name.parse()).collect::<Result<Vec<OrderType>, _>>();
        let types = types.map_err(|ParseOrderTypeError(name)| ParseOrderTypesError::Unknown(name))?;
        Self::of(&types).ok_or(ParseOrderTypesError::Empty)
    }

    /// The set of these types; `None` if there are none.
    pub fn of(types: &[OrderType]) -> Option<Self> {
        (!types.is_empty())
            .then(|| Self { flags: OrderType::ALL.map(|order_type| types.contains(&order_type)) })
    }

    /// Whether the set has this type.
    pub fn contains(self, order_type: OrderType) -> bool {
        self.iter().any(|member| member == order_type)
    }

    /// The types in it, in the specification's order.
    pub fn iter(self) -> impl Iterator<Item = OrderType> {
        OrderType::ALL
            .into_iter()
            .zip(self.flags)
            .filter_map(|(order_type, is_in)| is_in.then_some(order_type))
    }
}

impl Default for OrderTypes {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for OrderTypes {
    /// Writes the names, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, order_type) in self.iter().enumerate() {
            write!(f, "{}{order_type}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Serialize for OrderTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for OrderTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let types = Vec::<OrderType>::deserialize(deserializer)?;
        Self::of(&types).ok_or_else(|| serde::de::Error::custom(ParseOrderTypesError::Empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_spelling() {
        let both = OrderTypes::parse(&["delivery", "dine_in", "delivery"]).unwrap();
        assert_eq!(both.to_string(), "dine_in, delivery");
        assert!(both.contains(OrderType::Delivery) && !both.contains(OrderType::Takeout));
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(json, r#"["dine_in","delivery"]"#);
        assert_eq!(serde_json::from_str::<OrderTypes>(&json).unwrap(), both);
        assert_eq!(OrderTypes::parse(&OrderType::ALL.map(OrderType::as_str)), Ok(OrderTypes::default()));
    }

    #[test]
    fn no_type_and_unknown_types_are_refused() {
        assert_eq!(OrderTypes::parse(&[]), Err(ParseOrderTypesError::Empty));
        assert!(serde_json::from_str::<OrderTypes>("[]").is_err());
        let why = OrderTypes::parse(&["takeout", "drone"]).unwrap_err();
        assert!(why.to_string().contains("'drone'"), "{why}");
    }
}
