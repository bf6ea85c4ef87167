//! How many of what were found, removed or blanked.

use db::retention::{Action, OrderPiece};
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

/// The figures of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    completed: u64,
    cancelled: u64,
    open: u64,
    unsettled: u64,
    /// Requests of messages without an order.
    pub requests: u64,
    /// Workers.
    pub workers: u64,
}

impl Figures {
    /// Adds what a piece found.
    pub fn add(&mut self, piece: &OrderPiece) {
        self.completed += piece.completed;
        self.cancelled += piece.cancelled;
        self.open += piece.open;
        self.unsettled += piece.unsettled;
    }

    /// A line for each figure.
    pub fn lines(&self, action: Action) -> Vec<String> {
        let mut lines = vec![
            line(self.completed, "completed orders"),
            line(self.cancelled, "cancelled orders"),
            line(self.requests, "requests of messages that have no order"),
        ];
        if matches!(action, Action::Count | Action::Remove) {
            lines.push(line(self.workers, "workers that were not seen since"));
        }
        if self.open > 0 {
            lines.push(line(self.open, "orders stay: they are neither completed nor cancelled"));
        }
        if self.unsettled > 0 {
            lines.push(line(self.unsettled, "orders stay: the audit says what is left of them to do"));
        }
        lines
    }

    /// What is meant, as a part of a sentence.
    pub fn subject(&self, action: Action) -> String {
        let orders = counted(self.completed + self.cancelled, "order");
        let requests = counted(self.requests, "request");
        match action {
            Action::Count | Action::Remove => {
                format!("{orders}, {requests} and {}", counted(self.workers, "worker"))
            }
            // The names of workers are no guests'.
            Action::CountNamed | Action::Anonymise => format!("{orders} and {requests}"),
        }
    }

    /// What was done, as a sentence without its end.
    pub fn sentence(&self, action: Action) -> String {
        let done = match action {
            Action::Count | Action::CountNamed => "Counted",
            Action::Remove => "Removed",
            Action::Anonymise => "Blanked the names and addresses of",
        };
        format!("{done} {}", self.subject(action))
    }

    /// One document for scripts.
    pub fn json(&self, action: Action, before: Timestamp) -> Value {
        json!({
            "before": before,
            "dry_run": matches!(action, Action::Count | Action::CountNamed),
            "anonymised": matches!(action, Action::CountNamed | Action::Anonymise),
            "completed": self.completed,
            "cancelled": self.cancelled,
            "requests": self.requests,
            "workers": self.workers,
            "staying": { "open": self.open, "unsettled": self.unsettled },
        })
    }
}

fn line(count: u64, what: &str) -> String {
    format!("{count:>12}  {what}")
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_added_and_told() {
        let mut figures = Figures { requests: 1, ..Figures::default() };
        for _ in 0..2 {
            figures.add(&OrderPiece { last: Some(7), completed: 5, cancelled: 1, open: 2, unsettled: 0 });
        }
        assert_eq!(figures.sentence(Action::Remove), "Removed 12 orders, 1 request and 0 workers");
        let blanked = "Blanked the names and addresses of 12 orders and 1 request";
        assert_eq!(figures.sentence(Action::Anonymise), blanked);
        assert_eq!(figures.subject(Action::CountNamed), "12 orders and 1 request");
        assert_eq!(figures.lines(Action::Remove).len(), 5, "nothing is unsettled");
        assert_eq!(figures.lines(Action::Anonymise).len(), 4, "workers keep their names");
    }
}
