//! The sentence for people. Whatever a message holds, it is one line and nothing but text.

use domain::StatusUpdate;

/// The console output of the specification ("Display Notification").
pub fn sentence(update: &StatusUpdate) -> String {
    format!(
        "Notification for order {}: Status changed from '{}' to '{}' by {}.",
        update.order_number,
        update.old_status,
        update.new_status,
        printable(&update.changed_by)
    )
}

/// Control characters could forge a line or move the cursor; format characters could turn the text around.
/// Numbers and statuses need no such care: they are parsed into types that print nothing else.
pub fn printable(text: &str) -> String {
    const MAX_SHOWN: usize = 200;
    let visible = |c: char| {
        if c.is_control() || is_format_character(c) { c.escape_unicode().to_string() } else { c.to_string() }
    };
    let mut shown: String = text.chars().take(MAX_SHOWN).map(visible).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Line and paragraph separators, zero-width and bidirectional controls (Unicode categories Zl, Zp and Cf).
fn is_format_character(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
        assert!(hostile.chars().all(|c| !c.is_control() && !is_format_character(c)), "{hostile}");
        assert!(
            hostile
                .ends_with("by x\\u{d}\\u{a}Notification for order\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{2028}.")
        );
        assert!(sentence(&update(&"é".repeat(5_000))).chars().count() < 400);
    }
}
