//! One delivery from the queue to its end: claimed, cooked, ready, acknowledged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bus::Delivery;
use bus::orders::Held;
use config::{CookingSeconds, LAST_STEPS};
use db::claims::{Claim, ClaimOutcome, ClaimRequest, FinishOutcome, FinishRequest};
use domain::{OrderMessage, OrderPointer, RequestId};
use futures_util::FutureExt;
use logging::Log;
use runtime::{Shutdown, failpoint};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::claim_batcher::ClaimBatcher;
use crate::cooking_times;
use crate::dead_letter::{self, PermanentError};
use crate::forwarding::Forwarding;
use crate::in_flight::{InFlightGuard, InFlightOrders, Insertion};
use crate::retry::Retry;
use crate::status_publisher::StatusPublisher;
use crate::worker_session::WorkerSession;

/// How long a delivery is held that this worker cannot cook now; returned at once, it
/// would come back at once.
const PAUSE_BEFORE_RETURN: Duration = Duration::from_secs(1);
/// Shortest time between two looks at an order that another worker cooks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Everything that cooking needs; cheap to clone.
#[derive(Clone)]
pub struct Cook {
    pub session: WorkerSession,
    pub claim_batcher: ClaimBatcher,
    pub times: CookingSeconds,
    pub forwarding: Forwarding,
    pub status_publisher: StatusPublisher,
    pub in_flight: InFlightOrders,
    /// One permit for each order that may cook at the same time.
    pub concurrency: Arc<Semaphore>,
    pub shutdown: Shutdown,
}

/// What is left when the worker stops: deliveries that it does not see to their
/// end, to be returned.
pub type Unfinished = Vec<Held>;

/// What came of an attempt at an order.
enum Attempt {
    /// It is over, for this delivery.
    Ended(End),
    /// The claim has ended: another worker took over, or the order was cancelled. Look
    /// what has become of it.
    ClaimLost,
    /// Another worker that lives cooks it: look again after the pause.
    HeldByOther { pause: Duration },
}

/// What to do with the deliveries in the end.
enum End {
    /// Acknowledge them: nothing is left to do for the order.
    Settled,
    /// Return them after a pause: the database could not say who cooks the order, or
    /// this program failed.
    Returned,
    /// Bury them: there is no such order, or it is not what they say.
    DeadLettered(PermanentError),
    /// Keep them until the session ends: the worker stops before the order is done.
    Stopping,
}

impl Cook {
    /// Sees one delivery through.
    pub async fn process(self, held: Held) -> Unfinished {
        let request_id = held.delivery.request_id().unwrap_or_else(|| RequestId::of_message(rand::random()));
        let log = self.session.log.with_request_id(request_id);
        if let Some(size) = held.delivery.withheld {
            return match dead_letter::refuse(held, &PermanentError::TooLarge(size), &log) {
                None => Vec::new(),
                Some(held) => self.return_after_pause(vec![held]).await,
            };
        }
        let (order, pointer) = match read(&held.delivery) {
            Ok(read) => read,
            Err(why) => return self.dead_letter(vec![held], &why, &log).await,
        };
        if !self.session.specialisation.cooks(order.order_type) {
            return self.return_foreign_type(held, &order, &log).await;
        }
        let number = order.order_number;
        let mut guard = match self.in_flight.insert(pointer.clone(), held) {
            Insertion::New(guard) => guard,
            Insertion::Joined => {
                log.debug("order_redelivered", format!("Order {number} is on the stove already"))
                    .detail("order_number", number.to_string())
                    .emit();
                return Vec::new();
            }
            Insertion::Conflict(held) => {
                log.debug("order_returned", format!("Another message says otherwise of order {number}"))
                    .detail("order_number", number.to_string())
                    .emit();
                return self.return_after_pause(vec![*held]).await;
            }
        };
        // After a panic, which is in the log, the order is tried again: left on the stove it would
        // keep its claim, and left unsettled it would keep its queue's place.
        let cooked = AssertUnwindSafe(self.cook(&order, &pointer, &mut guard, &log)).catch_unwind().await;
        let end = cooked.unwrap_or(End::Returned);
        let held = guard.remove();
        match end {
            End::Settled => {
                failpoint::reached("kitchen.before_ack");
                held.into_iter().for_each(Held::ack);
                Vec::new()
            }
            End::Stopping => held,
            End::Returned => self.return_after_pause(held).await,
            End::DeadLettered(why) => self.dead_letter(held, &why, &log).await,
        }
    }

    /// Tries until it is known what becomes of the deliveries.
    async fn cook(
        &self,
        order: &OrderMessage,
        pointer: &OrderPointer,
        guard: &mut InFlightGuard,
        log: &Log,
    ) -> End {
        let number = order.order_number;
        loop {
            match self.attempt(order, pointer, guard, log).await {
                Attempt::ClaimLost => {
                    log.info(
                        "claim_lost",
                        format!("The claim on order {number} has ended; looking what became of it"),
                    )
                    .detail("order_number", number.to_string())
                    .emit();
                    guard.reset_claim();
                }
                Attempt::HeldByOther { pause } => {
                    log.debug("order_held", format!("Another worker cooks order {number}; looking again"))
                        .detail("order_number", number.to_string())
                        .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                        .emit();
                    self.shutdown.or(sleep(pause)).await;
                }
                Attempt::Ended(end) => return end,
            }
        }
    }

    async fn dead_letter(&self, deliveries: Vec<Held>, why: &PermanentError, log: &Log) -> Unfinished {
        let mut left = Vec::new();
        for held in deliveries {
            left.extend(dead_letter::publish(held, why, &self.forwarding, log).await);
        }
        self.return_after_pause(left).await
    }

    /// An order of a type that this worker does not cook goes back to its queue (specification,
    /// "Worker Specialization"). The broker puts it where it was: if it comes again it goes to the
    /// queue of its type, or it would come for ever.
    async fn return_foreign_type(&self, held: Held, order: &OrderMessage, log: &Log) -> Unfinished {
        let (number, order_type) = (order.order_number, order.order_type);
        if !held.delivery.redelivered {
            log.debug(
                "order_returned",
                format!("Order {number} is {order_type}, which this worker does not cook"),
            )
            .detail("order_number", number.to_string())
            .emit();
            held.requeue();
            return Vec::new();
        }
        let Some(held) = self.forwarding.to_its_type(held, order, log).await else { return Vec::new() };
        let left = self.forwarding.to_the_end(held, log).await;
        self.return_after_pause(left.into_iter().collect()).await
    }

    /// Returns orders that this worker cannot cook at the moment, and what cannot be handed on
    /// (specification, "Error and Redelivery Handling").
    async fn return_after_pause(&self, deliveries: Vec<Held>) -> Unfinished {
        if deliveries.is_empty() || self.shutdown.or(sleep(PAUSE_BEFORE_RETURN)).await.is_none() {
            return deliveries;
        }
        deliveries.into_iter().for_each(Held::requeue);
        Vec::new()
    }

    async fn attempt(
        &self,
        order: &OrderMessage,
        pointer: &OrderPointer,
        guard: &InFlightGuard,
        log: &Log,
    ) -> Attempt {
        let Some(Ok(_permit)) = self.shutdown.or(self.concurrency.acquire()).await else {
            return Attempt::Ended(End::Stopping);
        };
        if self.shutdown.has_begun() {
            return Attempt::Ended(End::Stopping);
        }
        let started = Instant::now();
        let cooking = cooking_times::of(order.order_type, &self.times);
        failpoint::reached("kitchen.before_claim");
        let claim = match self.claim(pointer, cooking, log).await {
            Some(ClaimOutcome::Granted(claim)) => claim,
            Some(ClaimOutcome::Held { remaining }) => {
                let pause = remaining.clamp(SHORTEST_PAUSE, PAUSE_BEFORE_RETURN);
                return Attempt::HeldByOther { pause };
            }
            Some(ClaimOutcome::Over(status)) => {
                log.debug("order_skipped", format!("Order {} is {status} already", order.order_number))
                    .detail("order_number", order.order_number.to_string())
                    .detail("status", status.as_str())
                    .emit();
                return Attempt::Ended(End::Settled);
            }
            Some(ClaimOutcome::Unknown) => {
                return Attempt::Ended(End::DeadLettered(PermanentError::Unknown(order.order_number)));
            }
            Some(ClaimOutcome::Unreadable(status)) => {
                let why = PermanentError::Unreadable { number: order.order_number, status };
                return Attempt::Ended(End::DeadLettered(why));
            }
            Some(ClaimOutcome::Mismatch(what)) => {
                return Attempt::Ended(End::DeadLettered(PermanentError::mismatch(pointer, what)));
            }
            None => return Attempt::Ended(End::Returned),
        };
        failpoint::reached("kitchen.claimed");
        guard.claimed(claim.order_id);
        log.debug("order_processing_started", format!("Cooking order {}", order.order_number))
            .detail("order_number", order.order_number.to_string())
            .detail("order_type", order.order_type.as_str())
            .detail("priority", order.priority.get())
            .detail("attempt", claim.attempt)
            .emit();
        let published = match claim.announcement.clone() {
            Some(change) => self.status_publisher.publish(change).await,
            None => true,
        };
        tokio::select! {
            biased;
            cooked = guard.claim_lost.run_until_cancelled(sleep(cooking)) => {
                if cooked.is_none() {
                    return Attempt::ClaimLost;
                }
            }
            () = self.shutdown.grace_is_over(LAST_STEPS) => {
                let why = "it cooks for longer than shutdown.grace_seconds allow";
                return Attempt::Ended(Self::left(order, why, log));
            }
        }
        failpoint::reached("kitchen.cooked");
        match self.finish(order, &claim, log).await {
            None => Attempt::Ended(End::Stopping),
            Some(FinishOutcome::ClaimLost) => Attempt::ClaimLost,
            Some(FinishOutcome::Ready(change)) => {
                failpoint::reached("kitchen.finished");
                // Nobody shall hear that it is ready before hearing that it cooks.
                if published {
                    self.status_publisher.publish(change).await;
                }
                log.debug("order_completed", format!("Order {} is ready", order.order_number))
                    .detail("order_number", order.order_number.to_string())
                    .detail("order_type", order.order_type.as_str())
                    .took(started.elapsed())
                    .emit();
                Attempt::Ended(End::Settled)
            }
        }
    }

    /// Never dropped half-way, not even by a shutdown: a claim that the database has granted is
    /// cooked and announced. Once the worker stops it does not try again.
    async fn claim(&self, order: &OrderPointer, cooking: Duration, log: &Log) -> Option<ClaimOutcome> {
        let request = ClaimRequest { order: order.clone(), cooking, request_id: log.request_id().clone() };
        Retry { doing: &format!("claiming order {}", order.number), log }
            .a_few_times(&self.shutdown, || self.claim_batcher.claim(request.clone()))
            .await
    }

    /// What has been cooked is not returned when the database fails: only the note of it is
    /// missing. A worker that stops waits for the database within its grace, and as long as its
    /// claim can hold; then the order is free for another: `None`.
    async fn finish(&self, order: &OrderMessage, claim: &Claim, log: &Log) -> Option<FinishOutcome> {
        let number = order.order_number;
        let (order_id, attempt, request_id) = (claim.order_id, claim.attempt, log.request_id().clone());
        let request = FinishRequest { number, order_id, attempt, request_id };
        let doing = format!("finishing order {number}");
        let finishing =
            Retry { doing: &doing, log }.until_done(|| self.claim_batcher.finish(request.clone()));
        tokio::select! {
            biased;
            outcome = finishing => Some(outcome),
            () = self.has_no_time_left() => {
                Self::left(order, "PostgreSQL did not come back", log);
                None
            }
        }
    }

    /// Waits until the worker stops and its claims have run out, or its grace.
    async fn has_no_time_left(&self) {
        let claims_run_out = async {
            self.shutdown.begun().await;
            sleep(self.session.lease()).await;
        };
        tokio::select! {
            () = claims_run_out => {}
            () = self.shutdown.grace_is_over(LAST_STEPS) => {}
        }
    }

    fn left(order: &OrderMessage, why: &str, log: &Log) -> End {
        let number = order.order_number;
        log.info("order_left", format!("Order {number} is left to another worker: {why}"))
            .detail("order_number", number.to_string())
            .emit();
        End::Stopping
    }
}

/// The order that a delivery brings, and which one it is.
fn read(delivery: &Delivery) -> Result<(OrderMessage, OrderPointer), PermanentError> {
    let order = OrderMessage::parse(&delivery.body)?;
    let pointer = OrderPointer::of(&order, delivery.order_identity().map_err(PermanentError::NotAnIdentity)?);
    Ok((order, pointer))
}
