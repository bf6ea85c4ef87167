//! The use case of placing an order: a command comes in, a number or a typed error goes out.
//!
//! Nothing here knows how the command came. An adapter (`http`) turns requests into commands and
//! errors into answers.

mod dispatch;
mod error;
mod idempotency;
mod sending;
mod stages;
mod writer;

use std::time::{SystemTime, UNIX_EPOCH};

use bus::Publisher;
use db::Database;
use domain::{IdempotentRequest, Money, NewOrder, OrderIdentity, OrderNumber, RequestId};
use logging::{Log, action};
use tokio::task::JoinHandle;

pub use self::error::PlaceError;
use self::idempotency::{KeysInFlight, Known};
use self::writer::Writer;
use crate::admission::Admission;
use crate::readiness::Readiness;

/// An order to place. It is valid already.
#[derive(Debug)]
pub struct PlaceOrder {
    /// What was ordered.
    pub order: NewOrder,
    /// How the client recognises the request, if it may come again.
    pub idempotency: Option<IdempotentRequest>,
    /// The request that places it.
    pub request_id: RequestId,
}

/// An order that will be cooked.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its number.
    pub number: OrderNumber,
    /// What it costs.
    pub total_amount: Money,
    /// The token with which it can be cancelled, if it has an identity that a token can be bound
    /// to.
    pub token: Option<String>,
}

/// Places orders; cheap to clone.
#[derive(Clone)]
pub struct Placing {
    db: Database,
    admission: Admission,
    readiness: Readiness,
    keys: KeysInFlight,
    writer: Writer,
    log: Log,
}

impl Placing {
    /// Starts the task that stores and sends. It ends when all handles are dropped and every order
    /// is answered. At most `capacity` orders wait for it.
    pub fn start(
        db: Database,
        publisher: Publisher,
        readiness: Readiness,
        admission: Admission,
        capacity: usize,
        log: Log,
    ) -> (Self, JoinHandle<()>) {
        let accept = readiness.accepts_while_broker_down();
        let (writer, task) = Writer::start(db.clone(), publisher, accept, capacity, log.clone());
        (Self { db, admission, readiness, keys: KeysInFlight::default(), writer, log }, task)
    }

    /// Stores an order and sends it to the kitchen. Once it is accepted it is carried through, even
    /// if the caller goes away.
    ///
    /// # Errors
    /// It was not placed, or it is not known in time whether it was. Failures of the servers are in
    /// the log already.
    pub async fn place(&self, command: PlaceOrder) -> Result<Placed, PlaceError> {
        let PlaceOrder { order, idempotency, request_id } = command;
        let tokens = self.readiness.order_tokens()?;
        self.readiness.check_open()?;
        let permit = self.admission.admit().await?;
        let log = self.log.with_request_id(request_id.clone());
        let key = match idempotency {
            None => None,
            Some(request) => {
                let key = self.keys.take(request).ok_or(PlaceError::KeyInFlight)?;
                match self.look_up(key.request(), &log).await? {
                    Known::New => Some(key),
                    Known::Placed(known) => {
                        let message = format!("Order {} was placed before", known.number);
                        log.debug(action::ORDER_REPEATED, message).emit();
                        let token = known.identity.map(|identity| tokens.token(&known.number, &identity));
                        return Ok(Placed { number: known.number, total_amount: known.total_amount, token });
                    }
                }
            }
        };
        log.debug(action::ORDER_RECEIVED, format!("Received an order of {}", order.total_amount))
            .detail("order_type", order.fulfilment.order_type().as_str())
            .detail("items", order.items.len())
            .detail("total_amount", serde_json::json!(order.total_amount))
            .detail("priority", order.priority.get())
            .emit();
        let total_amount = order.total_amount.clone();
        let identity = new_identity();
        let number = self.writer.place(identity, order, request_id, key, permit).await?;
        Ok(Placed { number, total_amount, token: Some(tokens.token(&number, &identity)) })
    }

    async fn look_up(&self, request: &IdempotentRequest, log: &Log) -> Result<Known, PlaceError> {
        let decided_by_commit = self.readiness.accepts_while_broker_down();
        let known = idempotency::look_up(&self.db, request, decided_by_commit).await;
        known.map_err(|why| {
            log.error(action::DB_TRANSACTION_FAILED, "The order could not be stored", &why).emit();
            PlaceError::Failed
        })?
    }
}

#[expect(clippy::disallowed_methods, reason = "the time keeps identities in the order of their making")]
fn new_identity() -> OrderIdentity {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    OrderIdentity::new(u64::try_from(since_1970.as_millis()).unwrap_or_default(), rand::random())
}
