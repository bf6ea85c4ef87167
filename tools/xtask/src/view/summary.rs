//! What is printed when the cluster is up, and of whom it leaves behind.

use runtime::console::{Console, Style};
use runtime::shell;
use std::time::Duration;

use crate::cluster::record::Record;

/// Prints the addresses, and a command to copy that places this order.
pub fn show(console: Console, record: &Record, broker_user: &str, order: Option<&str>, took: Duration) {
    let title = format!("The restaurant is open ({:.1} s).", took.as_secs_f32());
    let row = |name: &str, value: &str| console.print(&format!("  {name:11}{value}"));
    console.print("");
    console.print(&console.paint(Style::Bold, &title));
    row("Order", &record.order_url);
    row("Board", &format!("{}/board", record.tracking_url));
    row("Kitchen", &format!("{}/kitchen", record.tracking_url));
    // Not the key itself: with --detach, this output goes through a file.
    row("Staff", &format!("{}/staff  (sign in with ORDER_STAFF_KEY of .local/env)", record.order_url));
    if let Some(url) = &record.management_url {
        // With --detach, this output goes through a file, so it must not contain the password.
        row("RabbitMQ", &format!("{url}  (user {broker_user}, password in .local/env)"));
    }
    if let Some(url) = &record.prometheus_url {
        row("Prometheus", url);
    }
    row("Logs", ".local/logs");
    console.print("");
    if let Some(order) = order {
        let order = shell::quoted(order);
        let command =
            format!("curl -sS {}/orders -H 'Content-Type: application/json' -d {order}", record.order_url);
        console.print("Place an order:");
        console.print(&format!("  {}", console.paint(Style::Cyan, &command)));
        console.print("");
    }
}

/// What becomes of workers that others started when their servers end.
pub fn of_others(names: &[String]) -> String {
    format!(
        "still at work, as 'up' did not start them: {}. They wait until the servers are back; Ctrl-C where one runs ends it",
        names.join(", ")
    )
}
