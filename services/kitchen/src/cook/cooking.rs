//! One order from its turn to `ready`: claims it, waits until it is cooked, and finishes it.

use std::time::Duration;

use db::claims::{Claim, ClaimOutcome, ClaimRequest, FinishOutcome, FinishRequest};
use deadlines::stop::LAST_STEPS;
use domain::{OrderNumber, OrderPointer, Priority};
use logging::{Log, action};
use runtime::failpoint;
use telemetry::metrics::{LEASE_TAKEOVERS, ORDER_COOK, ORDER_TOTAL, ORDER_WAIT};
use telemetry::traces::conventions;
use tokio::time::{Instant, sleep};

use super::{Cook, End, PAUSE_BEFORE_RETURN};
use crate::cooking_times;
use crate::dead_letter::PermanentError;
use crate::in_flight::InFlightGuard;
use crate::pace::{Pace, Turn};
use crate::retry::Retry;

/// Shortest pause between two attempts to claim an order that another worker cooks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// An order to cook.
pub(super) struct Job {
    pub order: OrderPointer,
    pub priority: Priority,
}

/// An order that this worker has claimed.
pub(super) struct Claimed {
    pub claim: Claim,
    pub turn: Turn,
}

/// The result of one attempt to cook an order.
enum Attempt {
    /// The order is done, as far as this delivery is concerned.
    Ended(End),
    /// The claim was lost: another worker took over, or the order was cancelled. Try to claim
    /// again, to find out which.
    ClaimLost,
    /// A live worker holds the claim. Try again after the pause.
    HeldByOther { pause: Duration },
    /// It could not be claimed now, and waits for a person who tries again.
    LeftWaiting,
}

impl Cook {
    /// Repeats attempts until the deliveries can be settled. `claimed`: the order is claimed
    /// already, because it was recalled.
    pub(super) async fn cook(
        &self,
        job: &Job,
        mut claimed: Option<Claimed>,
        guard: &mut InFlightGuard,
        pace: &mut Pace,
        log: &Log,
    ) -> End {
        let number = job.order.number;
        loop {
            let attempt = match claimed.take() {
                Some(claimed) => self.cook_claimed(job, claimed, guard, pace, log).await,
                None => self.attempt(job, guard, pace, log).await,
            };
            match attempt {
                Attempt::ClaimLost => {
                    pace.claim_lost();
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
                Attempt::LeftWaiting => {}
                Attempt::Ended(end) => return end,
            }
        }
    }

    async fn attempt(&self, job: &Job, guard: &InFlightGuard, pace: &mut Pace, log: &Log) -> Attempt {
        let (order, number) = (&job.order, job.order.number);
        let Some(Some(turn)) = self.shutdown.or(pace.turn()).await else {
            return Attempt::Ended(End::Stopping);
        };
        if self.shutdown.has_begun() {
            return Attempt::Ended(End::Stopping);
        }
        let cooking = cooking_times::of(order.order_type, &self.times);
        failpoint::reached("kitchen.before_claim");
        let claim = match self.claim(order, cooking, log).await {
            Some(ClaimOutcome::Granted(claim)) => claim,
            Some(ClaimOutcome::Held { .. }) | None if pace.keeps_unclaimed() => return Attempt::LeftWaiting,
            Some(ClaimOutcome::Held { remaining }) => {
                let pause = remaining.clamp(SHORTEST_PAUSE, PAUSE_BEFORE_RETURN);
                return Attempt::HeldByOther { pause };
            }
            Some(ClaimOutcome::OnHold) => {
                let message =
                    format!("Order {number} is held since a restore; it is sent again when it is released");
                log.debug(action::ORDER_SKIPPED, message).detail("order_number", number.to_string()).emit();
                return Attempt::Ended(End::Settled);
            }
            Some(ClaimOutcome::Over(status)) => {
                log.debug(action::ORDER_SKIPPED, format!("Order {number} is {status} already"))
                    .detail("order_number", number.to_string())
                    .detail("status", status.as_str())
                    .emit();
                return Attempt::Ended(End::Settled);
            }
            Some(ClaimOutcome::Unknown) => {
                return Attempt::Ended(End::DeadLettered(PermanentError::Unknown(number)));
            }
            Some(ClaimOutcome::Unreadable(status)) => {
                return Attempt::Ended(End::DeadLettered(PermanentError::Unreadable { number, status }));
            }
            Some(ClaimOutcome::Mismatch(what)) => {
                return Attempt::Ended(End::DeadLettered(PermanentError::mismatch(order, what)));
            }
            None => return Attempt::Ended(End::Returned),
        };
        failpoint::reached("kitchen.claimed");
        self.cook_claimed(job, Claimed { claim, turn }, guard, pace, log).await
    }

    /// Cooks an order that this worker has claimed, and makes it ready.
    async fn cook_claimed(
        &self,
        Job { order, priority }: &Job,
        Claimed { claim, mut turn }: Claimed,
        guard: &InFlightGuard,
        pace: &mut Pace,
        log: &Log,
    ) -> Attempt {
        let number = order.number;
        let started = Instant::now();
        // A recall is neither.
        if let Some(waited) = claim.since_received {
            if claim.attempt == 1 {
                ORDER_WAIT.of(order.order_type).observe_time(waited);
            } else {
                LEASE_TAKEOVERS.inc();
            }
        }
        guard.claimed(claim.order_id);
        log.debug(action::ORDER_PROCESSING_STARTED, format!("Cooking order {number}"))
            .detail("order_number", number.to_string())
            .detail("order_type", order.order_type.as_str())
            .detail("priority", priority.get())
            .detail("attempt", claim.attempt)
            .emit();
        let changed_at = claim.status_update.as_ref().map(|change| change.update.timestamp);
        let published = match claim.status_update.clone() {
            Some(_) if claim.is_left_to_relay => false,
            Some(change) => self.status_publisher.publish(change).await,
            None => true,
        };
        pace.claimed(&mut turn, changed_at, claim.estimated_completion.into());
        let cooking = cooking_times::of(order.order_type, &self.times);
        tokio::select! {
            biased;
            cooked = guard.claim_lost.run_until_cancelled(pace.cooked(&mut turn, cooking)) => {
                if cooked.is_none() {
                    return Attempt::ClaimLost;
                }
            }
            () = self.shutdown.grace_is_over(LAST_STEPS) => {
                let why = "it cooks for longer than shutdown.grace_seconds allow";
                return Attempt::Ended(Self::left(number, why, log));
            }
        }
        failpoint::reached("kitchen.cooked");
        match self.finish(number, &claim, log).await {
            None => Attempt::Ended(End::Stopping),
            Some(FinishOutcome::ClaimLost) => Attempt::ClaimLost,
            Some(FinishOutcome::Ready(change)) => {
                failpoint::reached("kitchen.finished");
                let cooked_for = started.elapsed();
                ORDER_COOK.of(order.order_type).observe_time(cooked_for);
                if let Some(waited) = claim.since_received {
                    ORDER_TOTAL.of(order.order_type).observe_time(waited + cooked_for);
                }
                pace.finished(&mut turn, change.update.timestamp);
                // Subscribers must not see `ready` before `cooking`.
                if published {
                    self.status_publisher.publish(change).await;
                }
                log.debug(action::ORDER_COMPLETED, format!("Order {number} is ready"))
                    .detail("order_number", number.to_string())
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
    async fn finish(&self, number: OrderNumber, claim: &Claim, log: &Log) -> Option<FinishOutcome> {
        let (order_id, attempt, request_id) = (claim.order_id, claim.attempt, log.request_id().clone());
        // Until it is ready. Its status update comes after this.
        let span = conventions::finish_order(&request_id);
        let request_id = span.around(request_id);
        let request = FinishRequest { number, order_id, attempt, request_id };
        let doing = format!("finishing order {number}");
        let finishing =
            Retry { doing: &doing, log }.until_done(|| self.claim_batcher.finish(request.clone()));
        tokio::select! {
            biased;
            outcome = finishing => Some(outcome),
            () = self.has_no_time_left() => {
                Self::left(number, "PostgreSQL did not come back", log);
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

    fn left(number: OrderNumber, why: &str, log: &Log) -> End {
        log.info(action::ORDER_LEFT, format!("Order {number} is left to another worker: {why}"))
            .detail("order_number", number.to_string())
            .emit();
        End::Stopping
    }
}
