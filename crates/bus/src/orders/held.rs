//! An order in a worker's hands, and what shall become of its message.

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::delivery::Delivery;

/// A delivery that waits to be settled, and the place in the worker that it takes until then.
///
/// One that is dropped unsettled stays with this consumer until its session ends; then the broker delivers it again.
#[derive(Debug)]
pub struct Held {
    /// The message.
    pub delivery: Delivery,
    /// To the session that brought it, which may be gone.
    pub(super) settlements: mpsc::UnboundedSender<Settlement>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// What shall become of a delivery, by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settlement {
    /// Remove it.
    Ack(u64),
    /// Put it back where it was, for anybody.
    Requeue(u64),
}

impl Held {
    /// Done with: the broker removes it. If its session is gone, the broker delivers it again instead.
    pub fn ack(self) {
        self.settle(Settlement::Ack);
    }

    /// Not done: the broker gives it to anybody, at its old place in the queue.
    pub fn requeue(self) {
        self.settle(Settlement::Requeue);
    }

    fn settle(self, settlement: fn(u64) -> Settlement) {
        // A session that ended settles nothing; the broker has taken the message back already.
        let _ = self.settlements.send(settlement(self.delivery.tag));
    }
}
