//! Formats a status change for people. Whatever the message contains, the result is one line of
//! visible text.

use domain::StatusUpdate;
use logging::printable;

/// The console output of the specification ("Display Notification"). Numbers and statuses are
/// parsed types. Only the name of the author is free text, so it is made printable.
pub fn sentence(update: &StatusUpdate) -> String {
    format!(
        "Notification for order {}: Status changed from '{}' to '{}' by {}.",
        update.order_number,
        update.old_status,
        update.new_status,
        printable(&update.changed_by)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(changed_by: &str) -> StatusUpdate {
        let body = serde_json::json!({
            "order_number": "ORD_20241216_001", "old_status": "received", "new_status": "cooking",
            "changed_by": changed_by, "timestamp": "2024-12-16T10:32:00Z", "estimated_completion": null
        });
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn the_specifications_sentence() {
        assert_eq!(
            sentence(&update("chef_mario")),
            "Notification for order ORD_20241216_001: Status changed from 'received' to 'cooking' by chef_mario."
        );
    }

    #[test]
    fn hostile_text_stays_one_line_of_text() {
        let hostile = sentence(&update("x\r\nNotification for order\u{1b}[2J\u{9b}31m\u{202e}\u{2028}"));
        assert!(
            hostile
                .ends_with("by x\\u{d}\\u{a}Notification for order\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{2028}.")
        );
        assert!(sentence(&update(&"é".repeat(5_000))).chars().count() < 400);
    }
}
