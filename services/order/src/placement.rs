//! An order between its request and its answer.

use domain::{NewOrder, OrderIdentity, OrderNumber, RequestId};
use logging::Log;
use tokio::sync::oneshot;

use crate::admission::Permit;
use crate::idempotency::KeyInWork;
use crate::under_way::Counted;

/// An order on its way, and everything that it needs until its client is answered.
pub struct Placement {
    /// By which the order is recognised from now on.
    pub identity: OrderIdentity,
    pub order: NewOrder,
    pub request_id: RequestId,
    /// Taken until it is known what the client is answered.
    pub key: Option<KeyInWork>,
    reply: oneshot::Sender<Result<OrderNumber, NotPlaced>>,
    /// From when it was stored until the broker has confirmed it, or will not.
    pub counted: Option<Counted>,
    /// Held until the client is answered.
    _permit: Permit,
}

/// Why there is no order number. The log says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlaced {
    /// The order will not be cooked.
    Refused,
    /// Another request with the same idempotency key came first; this one was not stored.
    KeyTaken,
    /// It is not known yet; the order is being cooked or will never be.
    Unknown,
}

impl Placement {
    /// And where its client hears what became of it.
    pub fn new(
        identity: OrderIdentity,
        order: NewOrder,
        request_id: RequestId,
        key: Option<KeyInWork>,
        permit: Permit,
    ) -> (Self, oneshot::Receiver<Result<OrderNumber, NotPlaced>>) {
        let (reply, answer) = oneshot::channel();
        (Self { identity, order, request_id, key, reply, counted: None, _permit: permit }, answer)
    }

    /// The log of its request.
    pub fn log(&self, log: &Log) -> Log {
        log.with_request_id(self.request_id.clone())
    }

    /// Tells the client, who may have hung up.
    pub fn answer(self, result: Result<OrderNumber, NotPlaced>) {
        // Whoever is answered may come again at once: from now on the database alone
        // knows what the key means.
        drop(self.key);
        let _ = self.reply.send(result);
    }
}
