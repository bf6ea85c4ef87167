//! The use cases of a display: start, ready and recall.
//!
//! Each names the status that the person saw. Of two who do the same at once, one does it, and the
//! other is told who was first.

use std::time::Duration;

use db::Database;
use db::kitchen_tickets::of_worker;
use domain::order_status::RECALL_WINDOW;
use domain::{OrderNumber, OrderStatus, RequestId};
use runtime::Shutdown;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::board::{Board, NotOpened};
use super::command::{Bump, Reply};
use super::open_ticket::OpenTicket;
use super::ticket::Ticket;

/// Longest time that a person waits for a step. It goes on after that, and the display shows it.
const BUMP_DEADLINE: Duration = Duration::from_secs(20);

/// A recall on its way to the task that carries it out.
#[derive(Debug)]
pub struct Recall {
    /// The ticket of the order. Whoever asks for the same meanwhile waits at it.
    pub ticket: OpenTicket,
    /// The request that asks for it.
    pub request_id: RequestId,
    /// Whoever asks.
    pub reply: Reply,
}

/// Why a step was not made. Nothing was changed, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BumpError {
    /// Somebody else was faster.
    #[error("order {number} is {status}, by {changed_by}")]
    Elsewhere { number: OrderNumber, status: OrderStatus, changed_by: String, changed_at: OffsetDateTime },
    /// Another worker finished it.
    #[error("order {number} was finished by {finished_by}, and only that worker can recall it")]
    OfAnother { number: OrderNumber, finished_by: String, changed_at: OffsetDateTime },
    /// It has been ready for too long.
    #[error("order {number} has been ready for more than {} minutes", RECALL_WINDOW.as_secs() / 60)]
    TooLate { number: OrderNumber, changed_by: String, changed_at: OffsetDateTime },
    /// The order waits, but not here.
    #[error("order {0} is not among the tickets of this worker")]
    NotHere(OrderNumber),
    /// There is no order of this number.
    #[error("there is no such order")]
    Unknown,
    /// A server does not answer.
    #[error("the step could not be made now")]
    Unavailable,
    /// The worker stops, and begins nothing more.
    #[error("the worker stops")]
    Stopping,
    /// The step was made, or will be.
    #[error("it is not known yet whether the step was made")]
    OutcomeUnknown,
}

/// Carries out what people ask for. Cheap to clone.
#[derive(Clone)]
pub struct Bumping {
    pub board: Board,
    pub db: Database,
    /// Leads to the task that carries recalls out.
    pub recalls: mpsc::Sender<Recall>,
    pub shutdown: Shutdown,
}

impl Bumping {
    /// Makes a step of an order. `seen` is the status that the person saw. Returns the ticket as it
    /// is then.
    ///
    /// # Errors
    /// The step was not made, or it is not known whether it was.
    pub async fn bump(
        &self,
        number: OrderNumber,
        bump: Bump,
        seen: OrderStatus,
        request_id: RequestId,
    ) -> Result<Ticket, BumpError> {
        if bump != Bump::Ready && self.shutdown.has_begun() {
            return Err(BumpError::Stopping);
        }
        let asking = async {
            match self.asked(number, bump, seen, request_id).await {
                Some(answer) => answer.await.is_ok(),
                None => false,
            }
        };
        match timeout(BUMP_DEADLINE, asking).await {
            Err(_) => Err(BumpError::OutcomeUnknown),
            Ok(false) => Err(self.explained(number, bump, seen).await),
            Ok(true) => match self.board.ticket(number) {
                Some(ticket) => Ok(ticket),
                None => self.stored(number).await.map(|(ticket, _)| ticket),
            },
        }
    }

    /// Asks whoever carries it out. `None` if nobody does.
    async fn asked(
        &self,
        number: OrderNumber,
        bump: Bump,
        seen: OrderStatus,
        request_id: RequestId,
    ) -> Option<oneshot::Receiver<()>> {
        if (bump, seen) != (Bump::Recall, Bump::Recall.usual()) {
            return self.board.ask(number, bump, seen);
        }
        let mut stored = None;
        loop {
            let closed = self.board.closed();
            match OpenTicket::open_again(&self.board, number, stored.take()) {
                Ok(ticket) => {
                    let (reply, answer) = Reply::new();
                    self.recalls.try_send(Recall { ticket, request_id, reply }).ok()?;
                    return Some(answer);
                }
                // It was made ready just now.
                Err(NotOpened::Finishing) => closed.await,
                // Somebody else recalls it: whoever is second learns it there.
                Err(NotOpened::InFlight) => return self.board.ask(number, bump, seen),
                // The board has the latest of an earlier process, not all.
                Err(NotOpened::NotHere) => stored = Some(self.recallable(number).await?),
                Err(NotOpened::NotReady) => return None,
            }
        }
    }

    /// The ticket of an order that this worker may recall, as the database has it.
    async fn recallable(&self, number: OrderNumber) -> Option<Ticket> {
        let (ticket, as_of) = self.stored(number).await.ok()?;
        let row = &ticket.held.ticket;
        let is_recallable = ticket.status == OrderStatus::RECALL.0
            && row.processed_by.as_deref() == Some(self.board.worker().as_str())
            && as_of < row.updated_at + RECALL_WINDOW;
        is_recallable.then_some(ticket)
    }

    /// Why the step was not made, by the database.
    async fn explained(&self, number: OrderNumber, bump: Bump, seen: OrderStatus) -> BumpError {
        let (ticket, as_of) = match self.stored(number).await {
            Ok(found) => found,
            Err(why) => return why,
        };
        let changed_at = ticket.held.ticket.updated_at;
        let processed_by = ticket.held.ticket.processed_by.unwrap_or_default();
        let is_by_us = processed_by == self.board.worker().as_str();
        let changed_by = ticket.held.changed_by.unwrap_or_default();
        match (bump, ticket.status) {
            (Bump::Recall, OrderStatus::Ready) if !is_by_us => {
                BumpError::OfAnother { number, finished_by: processed_by, changed_at }
            }
            (Bump::Recall, OrderStatus::Ready) if as_of >= changed_at + RECALL_WINDOW => {
                BumpError::TooLate { number, changed_by, changed_at }
            }
            // Nothing speaks against it.
            (_, status) if status == seen && status == bump.usual() && (bump != Bump::Ready || is_by_us) => {
                let is_here = self.board.ticket(number).is_some();
                if self.shutdown.has_begun() {
                    BumpError::Stopping
                } else if is_here || bump == Bump::Recall {
                    BumpError::Unavailable
                } else {
                    BumpError::NotHere(number)
                }
            }
            (_, status) => BumpError::Elsewhere { number, status, changed_by, changed_at },
        }
    }

    /// The ticket as the database has it, and the time there.
    async fn stored(&self, number: OrderNumber) -> Result<(Ticket, OffsetDateTime), BumpError> {
        // The cause shows in the heartbeats and in the log of the follower.
        let mut rows = of_worker::of_orders(&self.db, &[number]).await.map_err(|_| BumpError::Unavailable)?;
        let row = rows.tickets.pop().ok_or(BumpError::Unknown)?;
        let ticket = Ticket::of(number, row).ok_or(BumpError::Unknown)?;
        Ok((ticket, rows.as_of))
    }
}
