//! The live board: every order with its status, its cook and its age.

use std::time::Duration;

use devcluster::customers::Customer;
use runtime::console::{Console, Style};
use tokio::time::Instant;

/// The largest number of orders on the board. The oldest are hidden first.
const MAX_ROWS: usize = 18;
/// Lines of the terminal that hold no orders: head, number of hidden orders, foot, last refusal,
/// and the cursor.
const OTHER_ROWS: usize = 5;

/// One order.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The order number.
    pub number: String,
    /// Who ordered it.
    pub customer: Customer,
    /// The total.
    pub total: String,
    /// The status.
    pub status: String,
    /// The worker who cooks it.
    pub cook: Option<String>,
    /// When it was placed.
    pub placed: Instant,
    /// When `cooking` was first seen.
    pub started: Option<Instant>,
    /// When `ready` was first seen.
    pub ready: Option<Instant>,
}

/// All orders of this demo.
#[derive(Clone, Debug, Default)]
pub struct Board {
    tickets: Vec<Ticket>,
    refused: usize,
    last_refusal: Option<String>,
}

impl Board {
    /// All accepted orders.
    pub fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// The number of refused orders.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Whether this number of orders was accepted or refused.
    pub fn has_answered(&self, orders: usize) -> bool {
        self.tickets.len() + self.refused >= orders
    }

    /// Whether every order is done.
    pub fn is_done(&self) -> bool {
        self.in_flight().is_empty()
    }

    /// The numbers of all unfinished orders.
    pub fn in_flight(&self) -> Vec<String> {
        let waits = |ticket: &&Ticket| matches!(ticket.status.as_str(), "received" | "cooking");
        self.tickets.iter().filter(waits).map(|ticket| ticket.number.clone()).collect()
    }

    /// Records an order's number and total, or why it was refused. Returns that as a line.
    pub fn answered(&mut self, customer: Customer, answer: Result<(String, String), String>) -> String {
        match answer {
            Ok((number, total)) => {
                let line = format!("{number}  {} orders {} for {total}", customer.name, customer.order_type);
                self.tickets.push(Ticket {
                    number,
                    customer,
                    total,
                    status: "received".to_owned(),
                    cook: None,
                    placed: Instant::now(),
                    started: None,
                    ready: None,
                });
                line
            }
            Err(why) => {
                self.refused += 1;
                self.last_refusal.insert(format!("{} was turned away: {why}", customer.name)).clone()
            }
        }
    }

    /// Records the status of an order. Returns it as a line, if it is news.
    pub fn changed(&mut self, number: &str, status: String, cook: Option<String>) -> Option<String> {
        let ticket = self.tickets.iter_mut().find(|ticket| ticket.number == number)?;
        if ticket.status == status {
            return None;
        }
        let now = Instant::now();
        match status.as_str() {
            "cooking" => ticket.started = Some(now),
            _ => ticket.ready = Some(now),
        }
        ticket.status = status;
        ticket.cook = cook.or(ticket.cook.take());
        let (cook, age) = (ticket.cook.as_deref().unwrap_or("-"), seconds(now - ticket.placed));
        Some(format!("{number}  {} by {cook} after {age}", ticket.status))
    }

    /// The lines of the board, for a terminal with this number of rows.
    pub fn lines(&self, console: Console, terminal_rows: usize) -> Vec<String> {
        let room = MAX_ROWS.min(terminal_rows.saturating_sub(OTHER_ROWS)).max(1);
        let head = format!(
            "{:17} {:20} {:9} {:>8}  {:9} {:12} {:>7}",
            "ORDER", "GUEST", "TYPE", "TOTAL", "STATUS", "COOK", "AGE"
        );
        let mut lines = vec![console.paint(Style::Bold, &head)];
        let hidden = self.tickets.len().saturating_sub(room);
        if hidden > 0 {
            lines.push(console.paint(Style::Dim, &format!("… {hidden} earlier")));
        }
        lines.extend(self.tickets.iter().skip(hidden).map(|ticket| row(ticket, console)));
        let count = |status: &str| self.tickets.iter().filter(|ticket| ticket.status == status).count();
        let foot = format!(
            "{} waiting · {} cooking · {} ready · {} turned away",
            count("received"),
            count("cooking"),
            count("ready"),
            self.refused
        );
        lines.push(console.paint(Style::Dim, &foot));
        lines.extend(self.last_refusal.as_ref().map(|refusal| console.paint(Style::Red, refusal)));
        lines
    }
}

fn row(ticket: &Ticket, console: Console) -> String {
    let age = seconds(ticket.ready.unwrap_or_else(Instant::now) - ticket.placed);
    let style = match ticket.status.as_str() {
        "received" => Style::Dim,
        "cooking" => Style::Yellow,
        "ready" => Style::Green,
        _ => Style::Red,
    };
    format!(
        "{:17} {} {:9} {:>8}  {} {:12} {age:>7}",
        ticket.number,
        padded(&ticket.customer.name, 20),
        ticket.customer.order_type,
        ticket.total,
        console.paint(style, &format!("{:9}", ticket.status)),
        ticket.cook.as_deref().unwrap_or("-"),
    )
}

/// Cut or padded to a width in characters.
fn padded(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    format!("{cut:width$}")
}

/// Such as `12.3 s`.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use devcluster::customers::customers;
    use devcluster::menu::Menu;

    fn placed(board: &mut Board, number: &str) {
        let customer = customers(&Menu::priced_by_guests(), 1, 1).remove(0);
        board.answered(customer, Ok((number.to_owned(), "12.00".to_owned())));
    }

    fn changed(board: &mut Board, number: &str, status: &str) -> Option<String> {
        board.changed(number, status.to_owned(), Some("chef_anna".to_owned()))
    }

    #[test]
    fn an_order_moves_from_received_to_ready() {
        let mut board = Board::default();
        placed(&mut board, "ORD_20241216_001");
        assert!(!board.is_done());
        assert!(changed(&mut board, "ORD_20241216_001", "cooking").unwrap().contains("cooking by chef_anna"));
        assert_eq!(changed(&mut board, "ORD_20241216_001", "cooking"), None, "no news");
        changed(&mut board, "ORD_20241216_001", "ready");
        assert!(board.is_done());
        let lines = board.lines(Console::plain(), 50);
        assert!(lines[1].starts_with("ORD_20241216_001"), "{lines:?}");
        assert_eq!(lines[2], "0 waiting · 0 cooking · 1 ready · 0 turned away");
    }

    #[test]
    fn a_long_evening_still_fits_the_screen() {
        let mut board = Board::default();
        for number in 1..=100 {
            placed(&mut board, &format!("ORD_20241216_{number:03}"));
        }
        assert_eq!(board.lines(Console::plain(), 50).len(), MAX_ROWS + 3);
        let low = board.lines(Console::plain(), 12);
        assert!(low.len() < 12 && low[2].starts_with("ORD_20241216_094"), "{low:?}");
    }
}
