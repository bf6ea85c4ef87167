//! An order in a worker's hands, and what shall become of its message.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::delivery::Delivery;

/// Places in the worker. One that several share is free when all of them have let go.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// A delivery that waits to be settled, and the place in the worker that it takes until then.
///
/// One that is dropped unsettled stays with this consumer until its session ends; then the broker delivers it again.
#[derive(Debug)]
pub struct Held {
    /// The message.
    pub delivery: Delivery,
    /// To the session that brought it, which may be gone.
    pub(super) settlements: mpsc::UnboundedSender<Settlement>,
    pub(super) place: Place,
}

/// What shall become of a delivery.
#[derive(Debug)]
pub(super) struct Settlement {
    /// By which the session knows it.
    pub(super) tag: u64,
    /// Put it back where it was, for anybody, instead of removing it.
    pub(super) requeue: bool,
    /// Taken until the broker has been told.
    pub(super) _place: Option<Place>,
}

impl Settlement {
    /// Of a delivery for which there is no place.
    pub(super) fn stray(tag: u64) -> Self {
        Self { tag, requeue: true, _place: None }
    }
}

impl Held {
    /// Done with: the broker removes it. If its session is gone, the broker delivers it again instead.
    pub fn ack(self) {
        self.settle(false);
    }

    /// Not done: the broker gives it to anybody, at its old place in the queue.
    pub fn requeue(self) {
        self.settle(true);
    }

    fn settle(self, requeue: bool) {
        let settlement = Settlement { tag: self.delivery.tag, requeue, _place: Some(self.place) };
        // A session that ended settles nothing; the broker has taken the message back already.
        let _ = self.settlements.send(settlement);
    }
}
