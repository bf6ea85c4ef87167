//! The life of an order, as one table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an order stands (specification, "Possible statuses for `orders`").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Stored, waiting for a cook.
    Received,
    /// In the hands of a cook.
    Cooking,
    /// Ready for pickup or delivery.
    Ready,
    /// Picked up or delivered.
    Completed,
    /// Will never be cooked.
    Cancelled,
}

/// A text that names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown order status '{0}' (known: received, cooking, ready, completed, cancelled)")]
pub struct ParseOrderStatusError(pub String);

impl OrderStatus {
    /// All statuses, in the order of a life.
    pub const ALL: [Self; 5] = [Self::Received, Self::Cooking, Self::Ready, Self::Completed, Self::Cancelled];

    /// Every legal transition; whatever is not in this table never happens.
    pub const TRANSITIONS: [(Self, Self); 6] = [
        (Self::Received, Self::Cooking),
        (Self::Cooking, Self::Ready),
        (Self::Ready, Self::Completed),
        (Self::Received, Self::Cancelled),
        (Self::Cooking, Self::Cancelled),
        (Self::Ready, Self::Cancelled),
    ];

    /// Whether an order of this status may become `next`.
    pub fn may_become(self, next: Self) -> bool {
        Self::TRANSITIONS.contains(&(self, next))
    }

    /// The statuses that an order may come from into this one: the guard of the statements
    /// that change a status.
    pub fn predecessors(self) -> Vec<&'static str> {
        Self::TRANSITIONS.into_iter().filter(|(_, to)| *to == self).map(|(from, _)| from.as_str()).collect()
    }

    /// The name used in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Cooking => "cooking",
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = ParseOrderStatusError;

    fn from_str(text: &str) -> Result<Self, ParseOrderStatusError> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| ParseOrderStatusError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_life_starts_received_and_ends_completed_or_cancelled() {
        for status in OrderStatus::ALL {
            let reachable = OrderStatus::ALL.into_iter().any(|from| from.may_become(status));
            let final_status = !OrderStatus::ALL.into_iter().any(|next| status.may_become(next));
            assert_eq!(reachable, status != OrderStatus::Received, "{status}");
            assert_eq!(
                final_status,
                matches!(status, OrderStatus::Completed | OrderStatus::Cancelled),
                "{status}"
            );
        }
    }

    #[test]
    fn names_are_the_ones_of_json_and_sql() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse::<OrderStatus>(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
