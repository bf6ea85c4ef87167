//! The stages of an order on its way: accepted, stored, sent. Each is a type of its own, and only a
//! stage that has an order's number can answer its client with it.

use bus::{Confirm, PublishError};
use db::orders::PlacedOrder;
use domain::inventory::Shortage;
use domain::{NewOrder, OrderIdentity, OrderNumber, OrderRequest, OrderType, RequestId};
use logging::Log;
use service::batching::InFlightGuard;
use telemetry::labels::{Label as _, PlaceResult};
use telemetry::metrics::ORDERS;
use telemetry::traces::{Span, conventions};
use tokio::sync::oneshot;

use super::error::PlaceError;
use super::idempotency::KeyGuard;
use crate::admission::Permit;
use crate::menu::{FromMenu, PricedOrder};

/// Where a client waits for what becomes of its order. Without a sender the service has ended.
pub type Answer = oneshot::Receiver<Outcome>;

/// What became of an order, and how that is counted.
pub type Outcome = (Result<OrderNumber, PlaceError>, Counted);

/// Counts what became of an order when it is dropped: in the client's hands, or without it if the
/// client has hung up.
#[derive(Debug, Default)]
pub struct Counted(Option<(OrderType, PlaceResult)>);

impl Counted {
    /// The client was told something else.
    pub fn become_of(&mut self, result: PlaceResult) {
        if let Some((_, counted)) = &mut self.0 {
            *counted = result;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(label) = self.0 {
            ORDERS.of(label).inc();
        }
    }
}

/// An order in the queue to the database, with everything that it needs until its client is
/// answered.
pub struct Accepted {
    /// By which the order is recognised from now on.
    pub identity: OrderIdentity,
    /// What was ordered.
    pub order: NewOrder,
    /// What it has from the menu, if it is from the menu.
    pub from_menu: Option<FromMenu>,
    /// The request that places it.
    pub request_id: RequestId,
    /// Taken until it is known what the client is answered.
    pub key: Option<KeyGuard>,
    /// The request of the message that asks for it.
    pub request: Option<OrderRequest>,
    /// Lasts until it is stored.
    storing: Span,
    reply: oneshot::Sender<Outcome>,
    /// Held until the client is answered.
    _permit: Permit,
}

/// An order whose transaction has committed. Its message is still to be confirmed.
pub struct Stored {
    accepted: Accepted,
    /// What the database made of it.
    pub row: PlacedOrder,
}

/// An order whose message is on its way to the broker.
pub struct Sent {
    stored: Stored,
    routing_key: String,
    confirm: Confirm,
    /// Counts it until the confirm has come, or will not.
    _in_flight: InFlightGuard,
}

/// A stored order whose message was not confirmed.
pub struct Unsent {
    stored: Stored,
    /// Why not.
    pub why: SendError,
}

/// Why a message was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("the order message could not be written")]
    Body(#[from] serde_json::Error),
}

impl Accepted {
    /// An order, and where its client waits for the answer.
    pub fn new(
        identity: OrderIdentity,
        order: PricedOrder,
        request_id: RequestId,
        key: Option<KeyGuard>,
        request: Option<OrderRequest>,
        permit: Permit,
    ) -> (Self, Answer) {
        let (reply, answer) = oneshot::channel();
        let PricedOrder { order, from_menu } = order;
        let storing = conventions::store_order(&request_id);
        let request_id = storing.around(request_id);
        let accepted =
            Self { identity, order, from_menu, request_id, key, request, storing, reply, _permit: permit };
        (accepted, answer)
    }

    /// The log of its request.
    pub fn log(&self, log: &Log) -> Log {
        log.with_request_id(self.request_id.clone())
    }

    /// Its transaction has committed.
    pub fn stored(mut self, row: PlacedOrder) -> Stored {
        self.storing = Span::none();
        Stored { accepted: self, row }
    }

    /// Answers the client: there is too little of some items. Nothing was stored.
    pub fn out_of_stock(self, shortages: &[Shortage]) {
        let refusal = self.from_menu.as_ref().and_then(|from_menu| from_menu.out_of_stock(shortages));
        self.refuse(refusal.map_or(PlaceError::Failed, PlaceError::Menu));
    }

    /// Answers the client: the order was not placed.
    pub fn refuse(mut self, why: PlaceError) {
        if why.label() == PlaceResult::Failed {
            conventions::failed(&mut self.storing, PlaceResult::Failed.value());
        }
        self.answer(Err(why));
    }

    /// The client may have hung up.
    fn answer(self, result: Result<OrderNumber, PlaceError>) {
        // A client that is answered may come again at once: from now on the database alone knows
        // what the key means.
        drop(self.key);
        let is_tried_again = self.request.is_some() && result.as_ref().is_err_and(PlaceError::is_tried_again);
        let label = result.as_ref().map_or_else(PlaceError::label, |_| PlaceResult::Placed);
        let counted = (!is_tried_again).then(|| (self.order.fulfilment.order_type(), label));
        let _ = self.reply.send((result, Counted(counted)));
    }
}

impl Stored {
    /// What was ordered.
    pub fn order(&self) -> &NewOrder {
        &self.accepted.order
    }

    /// The request that places it.
    pub fn request_id(&self) -> &RequestId {
        &self.accepted.request_id
    }

    /// The idempotency key of that request.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.accepted.key.as_ref().map(|key| key.request().key.as_str())
    }

    /// Whether a message asks for it: it is answered when its request is decided.
    pub fn is_requested(&self) -> bool {
        self.accepted.request.is_some()
    }

    /// The log of its request.
    pub fn log(&self, log: &Log) -> Log {
        self.accepted.log(log)
    }

    /// Its message is on its way.
    pub fn sent(self, routing_key: String, confirm: Confirm, in_flight: InFlightGuard) -> Sent {
        Sent { stored: self, routing_key, confirm, _in_flight: in_flight }
    }

    /// Its message was not confirmed.
    pub fn unsent(self, why: SendError) -> Unsent {
        Unsent { stored: self, why }
    }

    /// Answers the client: the order will be cooked.
    pub fn accept(self) {
        let number = self.row.number;
        self.accepted.answer(Ok(number));
    }

    /// Answers the client: the order was taken back.
    pub fn refuse(self) {
        self.accepted.answer(Err(PlaceError::Failed));
    }
}

impl Sent {
    /// Waits for the broker's word. Returns the order with the key under which its message went.
    ///
    /// # Errors
    /// The message is not known to have arrived.
    pub async fn confirmed(self) -> Result<(Stored, String), Unsent> {
        let Self { stored, routing_key, confirm, _in_flight } = self;
        match confirm.received().await {
            Ok(()) => Ok((stored, routing_key)),
            Err(why) => Err(stored.unsent(why.into())),
        }
    }
}

impl Unsent {
    /// The stored order, to be sent once more or answered.
    pub fn into_stored(self) -> Stored {
        self.stored
    }

    /// The stored order.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Whether its message may arrive with the next connection.
    pub fn may_pass(&self) -> bool {
        matches!(&self.why, SendError::Publish(why) if why.is_connection_loss())
    }

    /// Whether its message would not be sent later either.
    pub fn is_its_own_fault(&self) -> bool {
        matches!(&self.why, SendError::Publish(why) if why.is_permanent())
    }
}
