//! An order in a worker's hands, and what shall become of its message.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::delivery::Delivery;

/// Places in the worker. One that several share is free when all of them have let go.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

/// A delivery that waits to be settled, and the permit in the worker that it takes until then.
///
/// One that is dropped unsettled stays with this consumer until its session ends; then the
/// broker delivers it again.
#[derive(Debug)]
pub struct LeasedDelivery {
    /// The message.
    pub delivery: Delivery,
    /// To the session that brought it, which may be gone.
    pub(super) settlements: Settlements,
    pub(super) permit: Permit,
}

/// The way to a session.
#[derive(Clone, Debug)]
pub(super) struct Settlements {
    pub(super) sender: mpsc::UnboundedSender<Settlement>,
    /// There is a permit for what the broker is to dead-letter; without one it would be lost.
    pub(super) can_dead_letter: bool,
}

/// What the broker shall do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Remove it.
    Ack,
    /// Put it back where it was, for anybody.
    Requeue,
    /// Move it to the dead letters.
    DeadLetter,
}

/// What shall become of a delivery.
#[derive(Debug)]
pub(super) struct Settlement {
    /// By which the session knows it.
    pub(super) tag: u64,
    pub(super) verdict: Verdict,
    /// Taken until the broker has been told.
    pub(super) _permit: Option<Permit>,
}

impl Settlement {
    /// Of a delivery for which there is no permit.
    pub(super) fn requeued(tag: u64) -> Self {
        Self { tag, verdict: Verdict::Requeue, _permit: None }
    }
}

impl LeasedDelivery {
    /// Done with: the broker removes it. If its session is gone, the broker
    /// delivers it again instead.
    pub fn ack(self) {
        self.settle(Verdict::Ack);
    }

    /// Never to be done: the broker moves it to the dead letters, without a copy being made here.
    /// Returns it if there is no permit for dead letters.
    #[must_use = "it is still to be settled if it comes back"]
    pub fn dead_letter(self) -> Option<Self> {
        if !self.settlements.can_dead_letter {
            return Some(self);
        }
        self.settle(Verdict::DeadLetter);
        None
    }

    /// Not done: the broker gives it to anybody, at its old permit in the queue.
    pub fn requeue(self) {
        self.settle(Verdict::Requeue);
    }

    fn settle(self, verdict: Verdict) {
        let settlement = Settlement { tag: self.delivery.tag, verdict, _permit: Some(self.permit) };
        // A session that ended settles nothing; the broker has taken the message back already.
        let _ = self.settlements.sender.send(settlement);
    }
}
