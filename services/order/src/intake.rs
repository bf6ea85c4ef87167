//! Orders that come as messages: the second adapter of placing, beside `http`.
//!
//! A message is acknowledged when its order is stored and confirmed, or is left to the relay
//! because the broker does not take it now, or when it is stored why there is none. If the service
//! dies before, the message comes again, and the row of its request says how far it was.

mod failing;
mod replying;
mod settling;

use std::time::Duration;

use bus::delivery::MAX_BODY;
use bus::requests::{LeasedRequest, RequestIntake};
use bus::{DeadLetterPublisher, Delivery, LinkState, Publisher};
use db::order_requests::{self, KnownRequest};
use db::{Database, DbError};
use domain::order_request::{RequestFailure, RequestOutcome, value_fingerprint};
use domain::place_order::{self, RequestBody, Violation};
use domain::{OrderRequest, OrderRequestId, RequestId, RequestStatus};
use logging::{Log, action};
use runtime::{Backoff, Shutdown, catch_panic, failpoint};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::failing::{not_valid, reused, unstorable};
use self::settling::End;
use crate::acceptance::{Acceptance, Closed};
use crate::menu::Board;
use crate::placing::{PlaceError, PlaceOrder, Placing, Requested};
use crate::relay::Wakeup;

/// How long a message is held. One that is not decided by then, because a server is away or the
/// queue of its order refuses it, goes to the end of the queue and holds up no other.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause before it is asked again whether the first message's request is decided.
const DECISION_PAUSE: Duration = Duration::from_millis(200);

/// Carries out what messages ask for; cheap to clone.
#[derive(Clone)]
pub struct Intake {
    pub placing: Placing,
    pub acceptance: Acceptance,
    pub board: Board,
    pub db: Database,
    /// Sends the replies.
    pub publisher: Publisher,
    pub dead_letters: DeadLetterPublisher,
    /// Sends the events.
    pub relay: Wakeup,
    pub link: MessagesLink,
    pub log: Log,
}

/// Whether messages can come in at the moment, for the probes; cheap to clone.
#[derive(Clone, Debug)]
pub struct MessagesLink(watch::Sender<LinkState>);

impl Default for MessagesLink {
    fn default() -> Self {
        Self(watch::Sender::new(LinkState::default()))
    }
}

impl MessagesLink {
    /// Whether the queue is being consumed, as far as is known.
    pub fn is_up(&self) -> bool {
        self.0.borrow().is_up()
    }

    /// From now on this connection counts. Each pause ends one.
    fn follow(&self, link: LinkState) {
        self.0.send_replace(link);
    }
}

/// Why a message is a dead letter.
#[derive(Debug, thiserror::Error)]
enum UnreadableMessage {
    #[error("the body {0}")]
    NotARequest(String),
    #[error("its body of {0} bytes was not taken in: no request has more than {MAX_BODY}")]
    TooLarge(u64),
}

/// What a message asks for.
struct Asked {
    order_id: Option<OrderRequestId>,
    order: Result<Requested, Vec<Violation>>,
}

/// How a request ended.
enum Decided {
    /// Its row says how.
    InItsRow,
    /// Its id belongs to another request, whose row stays as it is.
    Reused(RequestFailure),
}

impl Intake {
    /// Carries out messages until the shutdown begins. Nothing is consumed while the intake is
    /// paused: who sent a message has sold the order already, and cannot ask the guest to come
    /// back. In their queue no message is lost, and afterwards each is carried out.
    pub async fn run(self, consume: impl Fn() -> RequestIntake, shutdown: Shutdown) {
        while shutdown.or(self.acceptance.opened()).await.is_some() {
            self.carry_out_all(consume(), &shutdown).await;
        }
    }

    /// Carries out one message after the other, many at once, until the shutdown or a pause begins.
    /// Then those in work end; what they leave comes again.
    async fn carry_out_all(&self, mut messages: RequestIntake, shutdown: &Shutdown) {
        self.link.follow(messages.link());
        let mut in_work = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.begun() => break,
                () = self.acceptance.closed() => break,
                Some(_) = in_work.join_next() => {}
                message = messages.next() => {
                    let Some(message) = message else { break };
                    let (intake, shutdown) = (self.clone(), shutdown.clone());
                    in_work.spawn(async move { intake.handle(message, &shutdown).await });
                }
            }
        }
        messages.stop();
        while in_work.join_next().await.is_some() {}
        messages.close().await;
    }

    async fn handle(&self, message: LeasedRequest, shutdown: &Shutdown) {
        let request_id =
            message.delivery().request_id().unwrap_or_else(|| RequestId::of_message(rand::random()));
        let log = self.log.with_request_id(request_id.clone());
        let end = catch_panic(self.process(message.delivery(), request_id, &log, shutdown)).await;
        self.settle(message, end.unwrap_or(End::Returned), &log, shutdown).await;
    }

    async fn process(
        &self,
        delivery: &Delivery,
        request_id: RequestId,
        log: &Log,
        shutdown: &Shutdown,
    ) -> End {
        let asked = match self.read(delivery) {
            Ok(asked) => asked,
            Err(why) => return End::DeadLettered(why),
        };
        failpoint::reached("intake.read");
        let Some(order_id) = asked.order_id.or_else(|| message_id(delivery).map(OrderRequestId::of_message))
        else {
            // Nothing tells it from another message with the same body. It comes again with an id.
            return End::Postponed;
        };
        let request = OrderRequest { order_id, fingerprint: value_fingerprint(&delivery.body) };
        let carrying_out = self.carry_out(request, asked.order, request_id, delivery, log, shutdown);
        match timeout(PATIENCE, carrying_out).await {
            Ok(Some(())) => End::Settled,
            // The service stops, or the intake is paused: the message comes again.
            Ok(None) => End::Stopping,
            Err(_) => End::Postponed,
        }
    }

    /// Decides a request, and tells who asked. `None`: the shutdown or a pause has begun before
    /// that.
    async fn carry_out(
        &self,
        request: OrderRequest,
        order: Result<Requested, Vec<Violation>>,
        request_id: RequestId,
        delivery: &Delivery,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<()> {
        let decided = self.decide(request, order, request_id, log, shutdown).await?;
        failpoint::reached("intake.decided");
        self.relay.wake();
        let Some(reply_to) = delivery.reply_to() else { return Some(()) };
        let outcome = match decided {
            Decided::InItsRow => self.outcome(request.order_id, log, shutdown).await?,
            Decided::Reused(failure) => replying::refused(request.order_id, failure),
        };
        let reply = replying::reply(reply_to, delivery.correlation_id(), &outcome);
        if let Err(why) = self.send(reply, shutdown).await? {
            let text = "The outcome could not be sent to who asked for it (reply_to)";
            log.error(action::RABBITMQ_PUBLISH_FAILED, text, &why)
                .detail("order_id", request.order_id.to_string())
                .emit_limited();
        }
        Some(())
    }

    /// What the message says.
    fn read(&self, delivery: &Delivery) -> Result<Asked, UnreadableMessage> {
        if let Some(size) = delivery.withheld {
            return Err(UnreadableMessage::TooLarge(size));
        }
        let body = delivery.body.as_slice();
        if self.board.is_on() {
            let RequestBody { order_id, order } =
                place_order::parse_menu_request(body).map_err(UnreadableMessage::NotARequest)?;
            return Ok(Asked { order_id, order: order.map(Requested::FromMenu) });
        }
        let RequestBody { order_id, order } =
            place_order::parse_request(body).map_err(UnreadableMessage::NotARequest)?;
        Ok(Asked { order_id, order: order.map(Requested::Priced) })
    }

    /// Places the order, or stores why it is not placed. `None`: the shutdown or a pause has begun
    /// before it was decided.
    async fn decide(
        &self,
        request: OrderRequest,
        order: Result<Requested, Vec<Violation>>,
        request_id: RequestId,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<Decided> {
        let order = match order {
            Ok(order) => order,
            Err(violations) => {
                let failure = not_valid(&violations);
                return self.fail(&request, &request_id, failure, log, shutdown).await;
            }
        };
        let mut backoff = Backoff::for_server();
        loop {
            let command = PlaceOrder {
                order: order.clone(),
                idempotency: None,
                request: Some(request),
                request_id: request_id.clone(),
            };
            match self.placing.place(command).await {
                Ok(_) => return Some(Decided::InItsRow),
                Err(PlaceError::Menu(why)) => {
                    return self.fail(&request, &request_id, (&why).into(), log, shutdown).await;
                }
                Err(PlaceError::Closed(Closed::Paused { .. })) => return None,
                Err(PlaceError::Unstorable) => {
                    return self.fail(&request, &request_id, unstorable(), log, shutdown).await;
                }
                Err(PlaceError::Repeated) => {
                    if let Some(decided) = self.known(&request, log, shutdown).await? {
                        return Some(decided);
                    }
                }
                // What failed is in the log already. Where too many orders wait, this one waits
                // with its message. If the order was taken back, its request is known the next
                // time.
                Err(
                    PlaceError::NotReady(_)
                    | PlaceError::Busy(_)
                    | PlaceError::Closed(Closed::Full { .. })
                    | PlaceError::KeyInFlight
                    | PlaceError::KeyReused
                    | PlaceError::Failed
                    | PlaceError::OutcomeUnknown,
                ) => {}
            }
            shutdown.or(sleep(backoff.next_pause())).await?;
        }
    }

    /// Stores why there is no order, unless the request is known. `None`: the shutdown has begun.
    async fn fail(
        &self,
        request: &OrderRequest,
        request_id: &RequestId,
        failure: RequestFailure,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<Decided> {
        let store = || order_requests::fail(&self.db, request, request_id, &failure);
        if self.asked_until_answered(store, log, shutdown).await? {
            failing::log_failure(request.order_id, &failure, log);
            return Some(Decided::InItsRow);
        }
        // Of two statements the second one sees what the first one waited for.
        self.known(request, log, shutdown).await.map(|known| known.unwrap_or(Decided::InItsRow))
    }

    /// What became of an earlier message with this id. `None` inside: there is none any more.
    async fn known(&self, request: &OrderRequest, log: &Log, shutdown: &Shutdown) -> Option<Option<Decided>> {
        let Some(known) = self.find(request.order_id, log, shutdown).await? else { return Some(None) };
        if known.fingerprint == request.fingerprint.as_bytes() {
            let text = format!("Request {} was carried out before", request.order_id);
            log.debug(action::ORDER_REPEATED, text).emit();
            return Some(Some(Decided::InItsRow));
        }
        let failure = reused();
        failing::log_failure(request.order_id, &failure, log);
        Some(Some(Decided::Reused(failure)))
    }

    /// What became of a request, once it is decided. `None`: the shutdown has begun.
    async fn outcome(
        &self,
        order_id: OrderRequestId,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<RequestOutcome> {
        loop {
            match self.find(order_id, log, shutdown).await? {
                Some(KnownRequest { outcome, .. }) if outcome.status != RequestStatus::Processing => {
                    return Some(outcome);
                }
                // It is with the relay, of this service or of another one.
                _ => shutdown.or(sleep(DECISION_PAUSE)).await?,
            }
        }
    }

    async fn find(
        &self,
        order_id: OrderRequestId,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<Option<KnownRequest>> {
        let find =
            async || order_requests::find(&self.db, &[order_id]).await.map(|mut found| found.pop().flatten());
        self.asked_until_answered(find, log, shutdown).await
    }

    /// Asks the database until it answers, or until the shutdown begins.
    async fn asked_until_answered<T, Answer>(
        &self,
        ask: impl FnMut() -> Answer,
        log: &Log,
        shutdown: &Shutdown,
    ) -> Option<T>
    where
        Answer: Future<Output = Result<T, DbError>>,
    {
        let report = |why: &DbError, failed: runtime::FailedAttempt| {
            let text = "A request for an order could not be decided yet; trying again";
            failed.describe(log.error(action::DB_TRANSACTION_FAILED, text, why)).emit();
        };
        shutdown.or(runtime::retry::until_done(ask, report)).await
    }
}

/// The id that its sender, or this service, gave a message.
fn message_id(delivery: &Delivery) -> Option<&str> {
    delivery.message_id().filter(|id| !id.is_empty())
}
