//! The three order types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the customer gets the food (specification, "Input Validation").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// Served at a table.
    DineIn,
    /// Picked up by the customer.
    Takeout,
    /// Brought by a courier.
    Delivery,
}

/// The text does not name an order type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown order type '{0}' (allowed: dine_in, takeout, delivery)")]
pub struct ParseOrderTypeError(pub String);

impl OrderType {
    /// All types, in the specification's order.
    pub const ALL: [Self; 3] = [Self::DineIn, Self::Takeout, Self::Delivery];

    /// The name used in JSON, SQL and routing keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DineIn => "dine_in",
            Self::Takeout => "takeout",
            Self::Delivery => "delivery",
        }
    }
}

impl fmt::Display for OrderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderType {
    type Err = ParseOrderTypeError;

    fn from_str(text: &str) -> Result<Self, ParseOrderTypeError> {
        Self::ALL
            .into_iter()
            .find(|order_type| order_type.as_str() == text)
            .ok_or_else(|| ParseOrderTypeError(text.to_owned()))
    }
}
