//! The session of a worker in the database: registration, heartbeats, deregistration.

use std::time::Duration;

use db::Database;
use db::claims::{self, Claimant};
use db::workers::{self, Registration};
use deadlines::kitchen::DEREGISTER_DEADLINE;
use domain::Specialisation;
use logging::{Log, action};
use runtime::Shutdown;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::ServiceError;
use crate::in_flight::InFlightOrders;
use crate::retry::Retry;

/// Interval of the claim check. It limits how late a cook notices a cancelled order, and how old
/// the published list of unclaimed orders gets.
const WATCH_INTERVAL: Duration = deadlines::kitchen::HOLDINGS_INTERVAL;

/// A worker's identity and settings, and its registration.
#[derive(Clone)]
pub struct WorkerSession {
    pub db: Database,
    pub claimant: Claimant,
    pub specialisation: Specialisation,
    pub heartbeat_interval: Duration,
    /// Whether the worker prefetches more orders than it cooks at once.
    pub holds_unclaimed: bool,
    pub log: Log,
}

impl WorkerSession {
    /// The length of a lease: how long a claim is valid without a heartbeat.
    pub fn lease(&self) -> Duration {
        deadlines::lease(self.heartbeat_interval)
    }

    fn retry<'a>(&'a self, doing: &'a str) -> Retry<'a> {
        Retry { doing, log: &self.log }
    }

    /// Registers the worker as soon as the database answers. `false` if the shutdown began first.
    ///
    /// # Errors
    /// The name is taken.
    pub async fn register(&self, shutdown: &Shutdown) -> Result<bool, ServiceError> {
        match shutdown.or(self.insert_session()).await {
            None => Ok(false),
            Some(Registration::NameTaken) => Err(ServiceError::NameTaken(self.claimant.worker.clone())),
            Some(Registration::Registered) => Ok(true),
        }
    }

    async fn insert_session(&self) -> Registration {
        let registration = self
            .retry("registering the worker")
            .until_done(|| {
                workers::register(
                    &self.db,
                    &self.claimant,
                    &self.specialisation,
                    self.heartbeat_interval,
                    self.holds_unclaimed,
                )
            })
            .await;
        if registration == Registration::Registered {
            self.log
                .info(action::WORKER_REGISTERED, format!("Worker {} is online", self.claimant.worker))
                .detail("worker_name", self.claimant.worker.as_str())
                .detail("type", self.specialisation.to_string())
                .emit();
        }
        registration
    }

    /// Checks every second whether the claims on the orders in flight still hold: an order may be
    /// cancelled while it cooks. It also writes down which orders wait unclaimed in this worker, so
    /// that nobody takes their messages for lost. Ends when `deregistering` begins.
    pub async fn watch_claims(self, in_flight: InFlightOrders, deregistering: Shutdown) {
        let mut written = Vec::new();
        while deregistering.or(sleep(WATCH_INTERVAL)).await.is_some() {
            if self.holds_unclaimed {
                let unclaimed = in_flight.unclaimed_orders();
                // A failure shows in the heartbeat, so no retry is needed here. An unchanged list
                // is written again, because the worker may have registered anew in the meantime.
                if (unclaimed != written || !unclaimed.is_empty())
                    && let Some(Ok(())) =
                        deregistering.or(workers::hold(&self.db, &self.claimant, &unclaimed)).await
                {
                    written = unclaimed;
                }
            }
            let claimed = in_flight.claimed_orders();
            if claimed.is_empty() {
                continue;
            }
            // An outage shows in the heartbeat, so no retry is needed here.
            if let Some(Ok(held)) = deregistering.or(claims::held(&self.db, &self.claimant, &claimed)).await {
                let lost: Vec<i32> = claimed.into_iter().filter(|id| !held.contains(id)).collect();
                in_flight.mark_lost(&lost);
            }
        }
    }

    /// Sends heartbeats and renews the leases of the orders in flight, until `deregistering`
    /// begins.
    ///
    /// If the session's row is gone, the worker registers again, together with its claims. The row
    /// may have been deleted, or an older backup restored.
    ///
    /// # Errors
    /// Another process took over the name, because this one was silent for too long.
    pub async fn keep_alive(
        self,
        in_flight: InFlightOrders,
        deregistering: Shutdown,
    ) -> Result<(), ServiceError> {
        let mut next = Instant::now() + self.heartbeat_interval;
        while deregistering.or(sleep_until(next)).await.is_some() {
            next += self.heartbeat_interval;
            let claimed = in_flight.claimed_orders();
            let beating = self
                .retry("sending a heartbeat")
                .until_done(|| workers::heartbeat(&self.db, &self.claimant, &claimed, self.lease()));
            match deregistering.or(beating).await {
                None => break,
                Some(Some(still_claimed)) => {
                    let lost: Vec<i32> =
                        claimed.iter().copied().filter(|id| !still_claimed.contains(id)).collect();
                    in_flight.mark_lost(&lost);
                    self.log
                        .debug(action::HEARTBEAT_SENT, format!("Worker {} is alive", self.claimant.worker))
                        .detail("worker_name", self.claimant.worker.as_str())
                        .detail("claims", still_claimed.len())
                        .emit();
                }
                Some(None) => match deregistering.or(self.insert_session()).await {
                    None => break,
                    Some(Registration::NameTaken) => {
                        return Err(ServiceError::NameLost(self.claimant.worker.clone()));
                    }
                    // The next heartbeat tells which claims are left. Send it soon but not at once:
                    // rows that vanish repeatedly must not make a busy loop.
                    Some(Registration::Registered) => next = next.min(Instant::now() + WATCH_INTERVAL),
                },
            }
            // After a long outage, send one heartbeat instead of all that were missed.
            next = next.max(Instant::now());
        }
        Ok(())
    }

    /// Deregisters if the database answers in time. Otherwise the worker counts as offline after
    /// its missed heartbeats.
    pub async fn deregister(&self) {
        let attempt = self
            .retry("deregistering the worker")
            .until_done(|| workers::go_offline(&self.db, &self.claimant));
        let worker = &self.claimant.worker;
        let (action, message) = if timeout(DEREGISTER_DEADLINE, attempt).await.is_ok() {
            (action::WORKER_OFFLINE, format!("Worker {worker} is offline"))
        } else {
            let silence = self.lease().as_secs();
            let seconds = DEREGISTER_DEADLINE.as_secs();
            let why = format!("PostgreSQL did not answer within {seconds} s");
            let end =
                format!("it counts as offline, and its name is free, {silence} s after its last heartbeat");
            (action::SHUTDOWN_INCOMPLETE, format!("Worker {worker} could not deregister: {why}; {end}"))
        };
        self.log.info(action, message).detail("worker_name", worker.as_str()).emit();
    }
}
