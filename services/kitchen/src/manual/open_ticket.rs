//! The ticket of an order in flight, as its task sees it.

use std::fmt;

use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderStatus};

use super::board::{Board, Hold, NotOpened, TaskInbox};
use super::command::{Bump, Reply};
use super::ticket::Ticket;

/// Takes what people ask, one after the other. Dropped, the order is no longer in flight.
pub struct OpenTicket {
    board: Board,
    number: OrderNumber,
    inbox: TaskInbox,
}

impl fmt::Debug for OpenTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenTicket({})", self.number)
    }
}

impl OpenTicket {
    /// Shows the ticket of an order that is in flight now.
    pub fn open(board: &Board, number: OrderNumber) -> Self {
        Self { board: board.clone(), number, inbox: board.open(number) }
    }

    /// Opens the ticket of an order that this worker has made ready, to recall it.
    pub(super) fn open_again(
        board: &Board,
        number: OrderNumber,
        stored: Option<Ticket>,
    ) -> Result<Self, NotOpened> {
        let inbox = board.open_again(number, stored)?;
        Ok(Self { board: board.clone(), number, inbox })
    }

    /// The order.
    pub fn number(&self) -> OrderNumber {
        self.number
    }

    /// Waits until a person starts the order. `None` if the database says that there is nothing to
    /// cook: then the claim finds out what became of it.
    pub async fn started(&mut self) -> Option<Reply> {
        loop {
            let command = tokio::select! {
                biased;
                () = self.inbox.is_over.notified() => {
                    if self.board.takes_over(self.number) {
                        return None;
                    }
                    continue;
                }
                command = self.inbox.commands.recv() => match command {
                    Some(command) => command,
                    None => std::future::pending().await,
                },
            };
            let status = self.board.ticket(self.number).filter(Ticket::is_open);
            if command.bump == Bump::Start && status.is_some_and(|ticket| ticket.status == command.seen) {
                return Some(command.reply);
            }
        }
    }

    /// Waits until a person says that the order is ready.
    pub async fn cooked(&mut self) -> Reply {
        loop {
            let Some(command) = self.inbox.commands.recv().await else { return std::future::pending().await };
            if (command.bump, command.seen) == (Bump::Ready, OrderStatus::Cooking) {
                return command.reply;
            }
        }
    }

    /// This worker has claimed the order. `changed_at` if its status was changed by that.
    pub fn claimed(&self, changed_at: Option<Timestamp>, estimated_completion: Timestamp) {
        let worker = self.board.worker().as_str().to_owned();
        self.board.change(self.number, Hold::Ours, |ticket| {
            ticket.held.is_recalled |= ticket.status == OrderStatus::Ready;
            ticket.status = OrderStatus::Cooking;
            if let Some(changed_at) = changed_at {
                ticket.held.ticket.updated_at = changed_at.0;
                ticket.held.changed_by = Some(worker.clone());
            }
            ticket.held.ticket.processed_by = Some(worker);
            ticket.held.estimated_completion = Some(estimated_completion.0);
        });
    }

    /// This worker has made the order ready.
    pub fn finished(&self, at: Timestamp) {
        let worker = self.board.worker().as_str().to_owned();
        self.board.change(self.number, Hold::Finished, |ticket| {
            ticket.status = OrderStatus::Ready;
            ticket.held.ticket.updated_at = at.0;
            ticket.held.changed_by = Some(worker);
            ticket.held.estimated_completion = None;
            ticket.held.is_recalled = false;
        });
    }

    /// The claim has ended. The next look at the database tells why.
    pub fn claim_lost(&self) {
        self.board.change(self.number, Hold::NotOurs, |_| {});
    }
}

impl Drop for OpenTicket {
    fn drop(&mut self) {
        self.board.close(self.number, &self.inbox);
    }
}
