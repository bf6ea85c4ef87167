//! A ticket: an order as the displays of this worker show it.

use std::collections::BTreeSet;

use db::kitchen_tickets::of_worker::HeldTicket;
use domain::{OrderNumber, OrderStatus};

/// An order that this worker holds, or has finished, or that was cancelled in its hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number.
    pub number: OrderNumber,
    /// Its status.
    pub status: OrderStatus,
    /// As the database has it, with what was done here since.
    pub held: HeldTicket,
    /// Whether this worker has claimed it.
    pub is_ours: bool,
    /// The lines that were ticked off, by their place from 0.
    pub ticked: BTreeSet<usize>,
    /// The board's revision when displays were told of it last; 0 if it is not on the board.
    pub revision: u64,
}

impl Ticket {
    /// The ticket of a row. `None` if its status is none.
    pub fn of(number: OrderNumber, held: HeldTicket) -> Option<Self> {
        let status = held.ticket.status.parse().ok()?;
        Some(Self { number, status, held, is_ours: false, ticked: BTreeSet::new(), revision: 0 })
    }

    /// Whether it is still to be cooked.
    pub fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Received | OrderStatus::Cooking)
    }

    /// Whether it was cancelled while it cooked. Something may be on the stove.
    pub fn was_cooking(&self) -> bool {
        self.status == OrderStatus::Cancelled && self.held.status_before.as_deref() == Some("cooking")
    }
}
