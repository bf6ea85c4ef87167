//! The use case of placing an order: a command comes in, a number or a typed error goes out.
//!
//! Nothing here knows how the command came. An adapter (`http`, `intake`) turns requests into
//! commands and errors into answers.

mod dispatch;
mod error;
mod idempotency;
mod sending;
mod stages;
mod writer;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::Publisher;
use db::idempotency::KnownRequest;
use db::{Database, inventory};
use domain::place_order::MenuOrder;
use domain::{
    IdempotentRequest, Money, NewOrder, OrderIdentity, OrderNumber, OrderRequest, OrderTokenKey, OrderType,
    RequestId,
};
use logging::{Log, action};
use telemetry::labels::{Overload, PlaceResult};
use telemetry::metrics::{ORDERS, OVERLOAD};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use self::error::PlaceError;
use self::idempotency::{KeysInFlight, Known};
use self::stages::{Accepted, Answer};
use self::writer::Writer;
use crate::acceptance::{Acceptance, AdmitError, Place};
use crate::admission::Admission;
use crate::menu::{Board, MenuRefusal, PricedOrder, RefusedOrder, Shown, price};
use crate::readiness::{NotReady, Readiness};

/// Longest time in which the stock is asked what a refused order lacks besides.
const SHORT_LOOK: Duration = Duration::from_secs(1);

/// What a guest wants. It keeps every rule but those of the menu.
#[derive(Clone, Debug)]
pub enum Requested {
    /// The guest says what it costs: the menu is off.
    Priced(NewOrder),
    /// The menu says what it costs.
    FromMenu(MenuOrder),
}

impl Requested {
    fn order_type(&self) -> OrderType {
        match self {
            Self::Priced(order) => order.fulfilment.order_type(),
            Self::FromMenu(order) => order.fulfilment.order_type(),
        }
    }
}

/// An order to place. It is valid already.
#[derive(Debug)]
pub struct PlaceOrder {
    /// What was ordered.
    pub order: Requested,
    /// How the client recognises the request, if it may come again.
    pub idempotency: Option<IdempotentRequest>,
    /// How the message is recognised that asks for it, if it is a message.
    pub request: Option<OrderRequest>,
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

/// What is known of an order before it is stored.
#[allow(clippy::large_enum_variant, reason = "a box would cost every order an allocation")]
enum Prepared {
    /// It may be stored.
    New(NewlyAccepted),
    /// The same request placed it before.
    Known(Placed),
}

/// An order that may be stored, and what its answer needs.
struct NewlyAccepted {
    accepted: Accepted,
    answer: Answer,
    identity: OrderIdentity,
    total_amount: Money,
    tokens: OrderTokenKey,
    idempotency: Option<IdempotentRequest>,
}

/// Places orders; cheap to clone.
#[derive(Clone)]
pub struct Placing {
    db: Database,
    acceptance: Acceptance,
    admission: Admission,
    readiness: Readiness,
    board: Board,
    keys: KeysInFlight,
    writer: Writer,
    log: Log,
}

impl Placing {
    /// Starts the task that stores and sends. It ends when all handles are dropped and every order
    /// is answered. As many orders may wait for it as may be in work.
    pub fn start(
        db: Database,
        publisher: Publisher,
        readiness: Readiness,
        board: Board,
        acceptance: Acceptance,
        admission: Admission,
        log: Log,
    ) -> (Self, JoinHandle<()>) {
        let accept = readiness.accepts_while_broker_down();
        let (writer, task) = Writer::start(db.clone(), publisher, accept, admission.permits(), log.clone());
        (
            Self { db, acceptance, admission, readiness, board, keys: KeysInFlight::default(), writer, log },
            task,
        )
    }

    /// Stores an order and sends it to the kitchen. Once it is accepted it is carried through, even
    /// if the caller goes away.
    ///
    /// # Errors
    /// It was not placed, or it is not known in time whether it was. Failures of the servers are in
    /// the log already.
    pub async fn place(&self, command: PlaceOrder) -> Result<Placed, PlaceError> {
        let (order_type, is_by_message) = (command.order.order_type(), command.request.is_some());
        let log = self.log.with_request_id(command.request_id.clone());
        let count = |result| ORDERS.of((order_type, result)).inc();
        match self.prepare(command, &log).await {
            // From here on it is counted when it is answered, whether the caller waits or not.
            Ok(Prepared::New(order)) => self.carry_out(order, &log).await,
            Ok(Prepared::Known(placed)) => {
                count(PlaceResult::Repeated);
                Ok(placed)
            }
            Err(why) => {
                if !(is_by_message && why.is_tried_again()) {
                    count(why.label());
                }
                Err(why)
            }
        }
    }

    /// Decides whether the order may be stored.
    async fn prepare(&self, command: PlaceOrder, log: &Log) -> Result<Prepared, PlaceError> {
        let PlaceOrder { order, idempotency, request, request_id } = command;
        let tokens = self.readiness.order_tokens()?;
        self.readiness.check_open()?;
        // Here and not before the body is read: what breaks a rule is told so without a database,
        // and an order that is refused is counted.
        self.db.admit_request(|| true).map_err(|left| {
            if request.is_none() {
                OVERLOAD.of(Overload::Breaker).inc();
            }
            PlaceError::DatabaseAway { left }
        })?;
        let permit = self.admission.admit().await?;
        let key = match &idempotency {
            None => None,
            Some(request) => {
                let key = self.keys.take(request.clone()).ok_or(PlaceError::KeyInFlight)?;
                match self.look_up(request, log).await? {
                    Known::New => Some(key),
                    Known::Placed(known) => return Ok(Prepared::Known(placed_before(&known, &tokens, log))),
                }
            }
        };
        let identity = new_identity();
        let place = self.accepted(order.order_type(), identity, log).await?;
        let permit = permit.with_place(place);
        let order = self.priced(order, log).await?;
        let PricedOrder { order: NewOrder { fulfilment, items, total_amount, priority, .. }, .. } = &order;
        log.debug(action::ORDER_RECEIVED, format!("Received an order of {total_amount}"))
            .detail("order_type", fulfilment.order_type().as_str())
            .detail("items", items.len())
            .detail("total_amount", serde_json::json!(total_amount))
            .detail("priority", priority.get())
            .emit();
        let total_amount = total_amount.clone();
        let (accepted, answer) = Accepted::new(identity, order, request_id, key, request, permit);
        let order = NewlyAccepted { accepted, answer, identity, total_amount, tokens, idempotency };
        Ok(Prepared::New(order))
    }

    async fn carry_out(&self, order: NewlyAccepted, log: &Log) -> Result<Placed, PlaceError> {
        let NewlyAccepted { accepted, answer, identity, total_amount, tokens, idempotency } = order;
        let (result, mut counted) = self.writer.place(accepted, answer).await;
        match (result, idempotency) {
            (Ok(number), _) => {
                Ok(Placed { number, total_amount, token: Some(tokens.token(&number, &identity)) })
            }
            // The same request at another service may have taken the last portion.
            (Err(why @ PlaceError::Menu(_)), Some(request)) => match self.look_up(&request, log).await {
                Ok(Known::Placed(known)) => {
                    counted.become_of(PlaceResult::Repeated);
                    Ok(placed_before(&known, &tokens, log))
                }
                Ok(Known::New) => Err(why),
                Err(why) => {
                    counted.become_of(why.label());
                    Err(why)
                }
            },
            (Err(why), _) => Err(why),
        }
    }

    /// Whether the order is accepted, and its place among those that wait if their number is
    /// limited.
    async fn accepted(
        &self,
        order_type: OrderType,
        identity: OrderIdentity,
        log: &Log,
    ) -> Result<Option<Place>, PlaceError> {
        self.acceptance.admit(order_type, identity).await.map_err(|why| match why {
            AdmitError::Closed(why) => PlaceError::Closed(why),
            AdmitError::Count(why) => {
                let text = "The waiting orders could not be counted, so the order was not stored";
                log.error(action::DB_QUERY_FAILED, text, &why).emit();
                PlaceError::Failed
            }
        })
    }

    /// The order with its price: the guest's, or that of the menu at this moment.
    async fn priced(&self, order: Requested, log: &Log) -> Result<PricedOrder, PlaceError> {
        match order {
            Requested::Priced(order) => Ok(order.into()),
            Requested::FromMenu(order) => {
                let shown = self.board.shown().ok_or(NotReady::Database)?;
                match price(order, &shown) {
                    Ok(priced) => Ok(priced),
                    Err(refused) => Err(self.refusal(refused, &shown, log).await.into()),
                }
            }
        }
    }

    /// Why the menu refuses an order, with what is short besides: a guest corrects all of it at
    /// once. What the menu says is enough if the database does not tell soon: whoever is refused
    /// holds a place of those who are not.
    async fn refusal(&self, refused: RefusedOrder, shown: &Shown, log: &Log) -> MenuRefusal {
        let items = refused.items(shown);
        if items.is_empty() {
            return refused.why;
        }
        match timeout(SHORT_LOOK, inventory::left_of(&self.db, &items)).await {
            Ok(Ok(stock)) => refused.with_short(&stock, shown),
            Err(_late) => refused.why,
            Ok(Err(why)) => {
                let text = "The stock could not be read, so a refusal does not name what is short";
                log.error(action::DB_QUERY_FAILED, text, &why).emit_limited();
                refused.why
            }
        }
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

/// The answer that the first request with the key was given.
fn placed_before(known: &KnownRequest, tokens: &OrderTokenKey, log: &Log) -> Placed {
    let message = format!("Order {} was placed before", known.number);
    log.debug(action::ORDER_REPEATED, message).emit();
    let token = known.identity.map(|identity| tokens.token(&known.number, &identity));
    Placed { number: known.number, total_amount: known.total_amount.clone(), token }
}

#[expect(clippy::disallowed_methods, reason = "the time keeps identities in the order of their making")]
fn new_identity() -> OrderIdentity {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    OrderIdentity::new(u64::try_from(since_1970.as_millis()).unwrap_or_default(), rand::random())
}
