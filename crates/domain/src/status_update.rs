//! The body of the message that announces a status change to all subscribers.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;
use crate::{OrderNumber, OrderStatus};

/// The `Status Update Message` of the specification ("Order Processing"), field by field in its
/// order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The order's number.
    pub order_number: OrderNumber,
    /// The status before the change.
    pub old_status: OrderStatus,
    /// The status after the change.
    pub new_status: OrderStatus,
    /// The name of the worker or of the service.
    pub changed_by: String,
    /// The moment of the change, by the database's clock.
    pub timestamp: Timestamp,
    /// The expected moment of `ready`. `None` once the order no longer waits for it.
    pub estimated_completion: Option<Timestamp>,
}

impl StatusUpdate {
    /// The id of the message. It is the same on every publication, so subscribers can drop repeats.
    ///
    /// The timestamp separates the times at which a recalled order becomes `ready`, and equally
    /// numbered orders of two databases.
    pub fn message_id(&self) -> String {
        let micros = self.timestamp.0.unix_timestamp_nanos() / 1_000;
        format!("{}.{}.{micros}", self.order_number, self.new_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_with_milliseconds() {
        let example = r#"{"order_number":"ORD_20241216_001","old_status":"received","new_status":"cooking","changed_by":"chef_mario","timestamp":"2024-12-16T10:32:00Z","estimated_completion":"2024-12-16T10:42:00Z"}"#;
        let update: StatusUpdate = serde_json::from_str(example).unwrap();
        assert_eq!(serde_json::to_string(&update).unwrap(), example.replace(":00Z", ":00.000Z"));
        assert_eq!(update.message_id(), "ORD_20241216_001.cooking.1734345120000000");
    }
}
