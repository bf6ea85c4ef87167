//! What is printed when the cluster is up.

use runtime::console::{Console, Style};
use std::time::Duration;

use crate::cluster::record::Record;

const ORDER: &str = r#"{"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}]}"#;

/// Prints the addresses, and a command to copy.
pub fn show(console: Console, record: &Record, broker_user: &str, took: Duration) {
    let title = format!("The restaurant is open ({:.1} s).", took.as_secs_f32());
    let row = |name: &str, value: &str| console.print(&format!("  {name:11}{value}"));
    console.print("");
    console.print(&console.paint(Style::Bold, &title));
    row("Orders", &record.order_url);
    row("Tracking", &record.tracking_url);
    if let Some(url) = &record.management_url {
        // With --detach, this output goes through a file, so it must not contain the password.
        row("RabbitMQ", &format!("{url}  (user {broker_user}, password in .local/env)"));
    }
    row("Logs", ".local/logs");
    console.print("");
    console.print("Place an order:");
    let command =
        format!("curl -sS {}/orders -H 'Content-Type: application/json' -d '{ORDER}'", record.order_url);
    console.print(&format!("  {}", console.paint(Style::Cyan, &command)));
    console.print("");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_json_and_survives_the_shell() {
        assert!(serde_json::from_str::<serde_json::Value>(ORDER).is_ok());
        assert!(!ORDER.contains('\''));
    }
}
