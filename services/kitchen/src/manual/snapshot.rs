//! What displays are told: the board at one moment, and its changes.

use db::kitchen_tickets::CookingTime;
use domain::{OrderNumber, WorkerName};
use time::OffsetDateTime;

use super::ticket::Ticket;

/// What displays are told.
#[derive(Clone, Debug)]
pub enum Change {
    /// The ticket is so now.
    Ticket(Box<Ticket>),
    /// It is no longer this worker's.
    Gone {
        /// The order.
        number: OrderNumber,
        /// The board's revision with that.
        revision: u64,
    },
}

/// Why the board may not be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// The server that does not answer: `database` or `broker`.
    pub cause: &'static str,
    /// The last moment at which it was true, if it ever was.
    pub since: Option<OffsetDateTime>,
}

/// The board at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Whose it is.
    pub worker: WorkerName,
    /// The board. Revisions of another one say nothing about it.
    pub board: u32,
    /// Its revision.
    pub revision: u64,
    /// Now, by the database's clock. `None` until it has answered.
    pub as_of: Option<OffsetDateTime>,
    /// All tickets, in no order.
    pub tickets: Vec<Ticket>,
    /// How long orders cooked in the last hour.
    pub cooking_times: Vec<CookingTime>,
    /// Why it may not be true.
    pub cut_off: Option<CutOff>,
}
