//! When an order is begun, and when it is ready: by the clock, or as a person says.

use std::sync::Arc;
use std::time::Duration;

use domain::OrderNumber;
use domain::timestamp::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::manual::{Board, OpenTicket, Reply};

/// How a worker cooks. Cheap to clone.
#[derive(Clone)]
pub enum Pacing {
    /// Each order for the configured time; one permit for each that may cook at the same time.
    Timed(Arc<Semaphore>),
    /// Each order when and for as long as the person at the display says.
    Manual(Board),
}

/// The pace of one order.
pub enum Pace {
    Timed(Arc<Semaphore>),
    Manual(OpenTicket),
}

/// The right to claim an order now.
pub struct Turn {
    /// Held while the order cooks.
    _permit: Option<OwnedSemaphorePermit>,
    /// Whoever asked for it waits here. Dropped, it says that nothing came of it.
    asked: Option<Reply>,
}

impl Pacing {
    /// The pace of an order that has been delivered. A manual worker shows its ticket from now on,
    /// until the pace is dropped.
    pub fn of(&self, number: OrderNumber) -> Pace {
        match self {
            Self::Timed(concurrency) => Pace::Timed(Arc::clone(concurrency)),
            Self::Manual(board) => Pace::Manual(OpenTicket::open(board, number)),
        }
    }
}

impl Turn {
    /// A turn that somebody waits for.
    pub fn asked(reply: Reply) -> Self {
        Self { _permit: None, asked: Some(reply) }
    }

    /// A turn that nobody has asked for: the claim finds out what became of the order.
    fn unasked() -> Self {
        Self { _permit: None, asked: None }
    }

    fn done(&mut self) {
        if let Some(reply) = self.asked.take() {
            reply.done();
        }
    }
}

impl Pace {
    /// Waits until the order is to be claimed. `None` if nobody can say so any more.
    pub async fn turn(&mut self) -> Option<Turn> {
        match self {
            Self::Timed(concurrency) => {
                let permit = Arc::clone(concurrency).acquire_owned().await.ok()?;
                Some(Turn { _permit: Some(permit), asked: None })
            }
            Self::Manual(ticket) => Some(ticket.started().await.map_or_else(Turn::unasked, Turn::asked)),
        }
    }

    /// The order is claimed.
    pub fn claimed(&mut self, turn: &mut Turn, changed_at: Option<Timestamp>, estimated: Timestamp) {
        if let Self::Manual(ticket) = self {
            ticket.claimed(changed_at, estimated);
        }
        turn.done();
    }

    /// Waits until the order is cooked: for the configured time, or until a person says so.
    pub async fn cooked(&mut self, turn: &mut Turn, cooking: Duration) {
        match self {
            Self::Timed(_) => sleep(cooking).await,
            Self::Manual(ticket) => turn.asked = Some(ticket.cooked().await),
        }
    }

    /// The order is ready since then.
    pub fn finished(&mut self, turn: &mut Turn, at: Timestamp) {
        if let Self::Manual(ticket) = self {
            ticket.finished(at);
        }
        turn.done();
    }

    /// The claim has ended: another worker took over, or the order was cancelled.
    pub fn claim_lost(&mut self) {
        if let Self::Manual(ticket) = self {
            ticket.claim_lost();
        }
    }

    /// Whether an order that cannot be claimed now stays here: a person tries again, and must not
    /// see it vanish.
    pub fn keeps_unclaimed(&self) -> bool {
        matches!(self, Self::Manual(_))
    }
}
