//! The statuses of an order, and the transitions between them, as one table.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The status of an order (specification, "Possible statuses for `orders`").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "The status of an order. A newer version may add one."))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Stored, waiting for a cook.
    Received,
    /// A cook is working on it.
    Cooking,
    /// Ready for pickup or delivery.
    Ready,
    /// Picked up or delivered.
    Completed,
    /// Will never be cooked.
    Cancelled,
}

/// How long after an order became ready it can be recalled. By then it has been handed over, or
/// the guest waits for it.
pub const RECALL_WINDOW: Duration = Duration::from_mins(30);

/// The note of a recall in the status log. It tells the audit that the order did not just become
/// `cooking` twice.
pub const RECALL_NOTE: &str = "recalled";

/// The text does not name a status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown order status '{0}' (known: received, cooking, ready, completed, cancelled)")]
pub struct ParseOrderStatusError(pub String);

impl OrderStatus {
    /// All statuses, in their usual sequence.
    pub const ALL: [Self; 5] = [Self::Received, Self::Cooking, Self::Ready, Self::Completed, Self::Cancelled];

    /// Every legal transition of an order that goes on, without a way back. A transition that is
    /// neither here nor [`Self::RECALL`] never happens.
    pub const TRANSITIONS: [(Self, Self); 6] = [
        (Self::Received, Self::Cooking),
        (Self::Cooking, Self::Ready),
        (Self::Ready, Self::Completed),
        (Self::Received, Self::Cancelled),
        (Self::Cooking, Self::Cancelled),
        (Self::Ready, Self::Cancelled),
    ];

    /// The one way back: a cook recalls an order that was said to be ready too early. Only who
    /// finished it may do so, and only for as long as [`RECALL_WINDOW`]. It is apart from the
    /// others: no other statement may take it for one of its guards.
    pub const RECALL: (Self, Self) = (Self::Ready, Self::Cooking);

    /// Whether an order of this status may go on to `next`. A recall does not go on.
    pub fn may_become(self, next: Self) -> bool {
        Self::TRANSITIONS.contains(&(self, next))
    }

    /// The statuses with a legal transition into this one. Statements that change a status use them
    /// as their guard.
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

    /// The audit lists every legal life of an order, so there may be no way back but the recall,
    /// which it takes out first.
    #[test]
    fn no_status_comes_again() {
        fn visit(status: OrderStatus, before: &[OrderStatus]) {
            assert!(!before.contains(&status), "{before:?} leads back to {status}");
            let lived = [before, &[status]].concat();
            for next in OrderStatus::ALL.into_iter().filter(|next| status.may_become(*next)) {
                visit(next, &lived);
            }
        }
        visit(OrderStatus::Received, &[]);
    }

    #[test]
    fn a_recall_undoes_a_step_and_nothing_that_is_final() {
        let (from, to) = OrderStatus::RECALL;
        assert!(to.may_become(from), "it undoes this");
        assert!(!from.may_become(to), "nobody else goes back");
        for status in OrderStatus::ALL {
            let is_final = !OrderStatus::ALL.into_iter().any(|next| status.may_become(next));
            assert!(!is_final || status != from, "{status}");
        }
        assert_eq!(OrderStatus::Cooking.predecessors(), ["received"], "a claim takes nothing that is ready");
    }

    #[test]
    fn names_are_the_ones_of_json_and_sql() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse::<OrderStatus>(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
