//! Processes one delivery: claims its order, cooks it, marks it ready, and acknowledges the
//! delivery.

use std::sync::Arc;
use std::time::Duration;

use bus::orders::LeasedDelivery;
use bus::{DeadLetterPublisher, Delivery};
use config::CookingSeconds;
use db::claims::{Claim, ClaimOutcome, ClaimRequest, FinishOutcome, FinishRequest};
use deadlines::stop::LAST_STEPS;
use domain::{OrderMessage, OrderPointer, RequestId};
use logging::{Log, action};
use runtime::{Shutdown, catch_panic, failpoint};
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

/// Delay before an order that this worker cannot cook is requeued. Without a delay the broker would
/// redeliver it at once.
const PAUSE_BEFORE_RETURN: Duration = Duration::from_secs(1);
/// Shortest pause between two attempts to claim an order that another worker cooks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Everything that processing a delivery needs. Cheap to clone.
#[derive(Clone)]
pub struct Cook {
    pub session: WorkerSession,
    pub claim_batcher: ClaimBatcher,
    pub times: CookingSeconds,
    pub forwarding: Forwarding,
    pub dead_letters: DeadLetterPublisher,
    pub status_publisher: StatusPublisher,
    pub in_flight: InFlightOrders,
    /// One permit for each order that may cook at the same time.
    pub concurrency: Arc<Semaphore>,
    pub shutdown: Shutdown,
}

/// Deliveries that the worker did not finish before it stopped. The caller requeues them.
pub type Unfinished = Vec<LeasedDelivery>;

/// The result of one attempt to cook an order.
enum Attempt {
    /// The order is done, as far as this delivery is concerned.
    Ended(End),
    /// The claim was lost: another worker took over, or the order was cancelled. Try to claim
    /// again, to find out which.
    ClaimLost,
    /// A live worker holds the claim. Try again after the pause.
    HeldByOther { pause: Duration },
}

/// How the deliveries of an order are settled.
enum End {
    /// Acknowledge them: nothing is left to do for the order.
    Settled,
    /// Requeue them after a pause: the database did not answer the claim, or this program panicked.
    Returned,
    /// Move them to the dead letters: the order does not exist, or differs from the message.
    DeadLettered(PermanentError),
    /// Keep them until the session ends: the worker stops before the order is done.
    Stopping,
}

impl Cook {
    /// Processes one delivery to its end.
    pub async fn process(self, held: LeasedDelivery) -> Unfinished {
        let request_id = held.delivery.request_id().unwrap_or_else(|| RequestId::of_message(rand::random()));
        let log = self.session.log.with_request_id(request_id);
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
                log.debug(
                    action::ORDER_REDELIVERED,
                    format!("Order {number} is already being cooked by this worker"),
                )
                .detail("order_number", number.to_string())
                .emit();
                return Vec::new();
            }
            Insertion::Conflict(held) => {
                log.debug(
                    action::ORDER_RETURNED,
                    format!("Another message with different contents is in progress for order {number}"),
                )
                .detail("order_number", number.to_string())
                .emit();
                return self.return_after_pause(vec![*held]).await;
            }
        };
        // After a panic, which is logged, the order is retried. It must leave the in-flight orders,
        // or its claim would be renewed for ever. Its delivery must be settled, or it would occupy
        // a prefetch slot for ever.
        let end = catch_panic(self.cook(&order, &pointer, &mut guard, &log)).await.unwrap_or(End::Returned);
        let held = guard.remove();
        match end {
            End::Settled => {
                failpoint::reached("kitchen.before_ack");
                held.into_iter().for_each(LeasedDelivery::ack);
                Vec::new()
            }
            End::Stopping => held,
            End::Returned => self.return_after_pause(held).await,
            End::DeadLettered(why) => self.dead_letter(held, &why, &log).await,
        }
    }

    /// Repeats attempts until the deliveries can be settled.
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
                        action::CLAIM_LOST,
                        format!("The claim on order {number} has ended; checking its status"),
                    )
                    .detail("order_number", number.to_string())
                    .emit();
                    guard.reset_claim();
                }
                Attempt::HeldByOther { pause } => {
                    log.debug(
                        action::ORDER_HELD,
                        format!("Another worker cooks order {number}; checking again"),
                    )
                    .detail("order_number", number.to_string())
                    .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                    .emit();
                    self.shutdown.or(sleep(pause)).await;
                }
                Attempt::Ended(end) => return end,
            }
        }
    }

    async fn dead_letter(
        &self,
        deliveries: Vec<LeasedDelivery>,
        why: &PermanentError,
        log: &Log,
    ) -> Unfinished {
        let mut left = Vec::new();
        for held in deliveries {
            left.extend(dead_letter::publish(held, why, &self.dead_letters, &self.forwarding, log).await);
        }
        self.return_after_pause(left).await
    }

    /// Requeues an order of a type that this worker does not cook (specification, "Worker
    /// Specialization"). The broker puts it back at its old position. If it is redelivered here,
    /// the worker publishes it to the queue of its type instead, because requeueing again would
    /// loop.
    async fn return_foreign_type(&self, held: LeasedDelivery, order: &OrderMessage, log: &Log) -> Unfinished {
        let (number, order_type) = (order.order_number, order.order_type);
        if !held.delivery.redelivered {
            log.debug(
                action::ORDER_RETURNED,
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

    /// Requeues orders that this worker cannot cook or forward now, after a pause (specification,
    /// "Error and Redelivery Handling").
    async fn return_after_pause(&self, deliveries: Vec<LeasedDelivery>) -> Unfinished {
        if deliveries.is_empty() || self.shutdown.or(sleep(PAUSE_BEFORE_RETURN)).await.is_none() {
            return deliveries;
        }
        deliveries.into_iter().for_each(LeasedDelivery::requeue);
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
                log.debug(action::ORDER_SKIPPED, format!("Order {} is {status} already", order.order_number))
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
        log.debug(action::ORDER_PROCESSING_STARTED, format!("Cooking order {}", order.order_number))
            .detail("order_number", order.order_number.to_string())
            .detail("order_type", order.order_type.as_str())
            .detail("priority", order.priority.get())
            .detail("attempt", claim.attempt)
            .emit();
        let published = match claim.status_update.clone() {
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
                // Subscribers must not see `ready` before `cooking`.
                if published {
                    self.status_publisher.publish(change).await;
                }
                log.debug(action::ORDER_COMPLETED, format!("Order {} is ready", order.order_number))
                    .detail("order_number", order.order_number.to_string())
                    .detail("order_type", order.order_type.as_str())
                    .took(started.elapsed())
                    .emit();
                Attempt::Ended(End::Settled)
            }
        }
    }

    /// Claims the order. A shutdown does not drop this future: a claim that the database has
    /// granted is cooked and published. After the shutdown has begun, a failed claim is not
    /// retried.
    async fn claim(&self, order: &OrderPointer, cooking: Duration, log: &Log) -> Option<ClaimOutcome> {
        let request = ClaimRequest { order: order.clone(), cooking, request_id: log.request_id().clone() };
        Retry { doing: &format!("claiming order {}", order.number), log }
            .a_few_times(&self.shutdown, || self.claim_batcher.claim(request.clone()))
            .await
    }

    /// Marks the order ready, and retries while the database fails: a cooked order is not requeued.
    /// During a shutdown it retries until the grace period or the lease has ended. After that
    /// another worker may claim the order, and the result is `None`.
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

    /// Waits until the shutdown has begun and either all leases or the grace period have ended.
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
        log.info(action::ORDER_LEFT, format!("Order {number} is left to another worker: {why}"))
            .detail("order_number", number.to_string())
            .emit();
        End::Stopping
    }
}

/// Parses a delivery into the order and the pointer to its row.
fn read(delivery: &Delivery) -> Result<(OrderMessage, OrderPointer), PermanentError> {
    if let Some(size) = delivery.withheld {
        return Err(PermanentError::TooLarge(size));
    }
    let order = OrderMessage::parse(&delivery.body)?;
    let pointer = OrderPointer::of(&order, delivery.order_identity().map_err(PermanentError::NotAnIdentity)?);
    Ok((order, pointer))
}
