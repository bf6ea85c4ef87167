//! A worker on duty: signing on, signs of life, signing off.

use std::time::Duration;

use db::claims::Claimant;
use db::workers::{self, Registration};
use db::{Database, DbError};
use domain::Specialisation;
use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::time::{Instant, sleep, timeout};

use crate::service::ServiceError;
use crate::stove::Stove;

/// Attempts to reach the database before its absence is worth an error; more follow.
const ATTEMPTS_BEFORE_ERROR: u32 = 5;
/// Longest time for signing off.
const SIGN_OFF_DEADLINE: Duration = Duration::from_secs(5);

/// Who is on duty, and how it says so.
#[derive(Clone)]
pub struct Duty {
    pub db: Database,
    pub claimant: Claimant,
    pub specialisation: Specialisation,
    pub heartbeat_interval: Duration,
    pub log: Log,
}

impl Duty {
    /// How long a claim holds without a sign of life. A worker counts as dead after the same time.
    pub fn lease(&self) -> Duration {
        self.heartbeat_interval * 2
    }

    /// Signs on, as soon as the database answers. `false` if the shutdown came first.
    ///
    /// # Errors
    /// The name is taken.
    pub async fn sign_on(&self, shutdown: &Shutdown) -> Result<bool, ServiceError> {
        let registering = self.retry("signing on", || {
            workers::register(&self.db, &self.claimant, &self.specialisation, self.heartbeat_interval)
        });
        match shutdown.or(registering).await {
            None => Ok(false),
            Some(Registration::NameTaken) => Err(ServiceError::NameTaken(self.claimant.worker.clone())),
            Some(Registration::Registered) => {
                self.log
                    .info("worker_registered", format!("Worker {} is online", self.claimant.worker))
                    .detail("worker_name", self.claimant.worker.as_str())
                    .detail("type", self.specialisation.to_string())
                    .emit();
                Ok(true)
            }
        }
    }

    /// Gives signs of life, and renews the leases of what is on the stove, until `signed_off` begins.
    ///
    /// # Errors
    /// The name belongs to another process by now: this one was silent for too long.
    pub async fn keep_alive(self, stove: Stove, signed_off: Shutdown) -> Result<(), ServiceError> {
        let mut next = Instant::now() + self.heartbeat_interval;
        while signed_off.or(tokio::time::sleep_until(next)).await.is_some() {
            next += self.heartbeat_interval;
            // Asked before the heartbeat: what is claimed while it is under way may be missing from its answer.
            let claimed = stove.claimed_orders();
            let beating = self
                .retry("sending a heartbeat", || workers::heartbeat(&self.db, &self.claimant, self.lease()));
            match signed_off.or(beating).await {
                None => break,
                Some(Some(still_claimed)) => {
                    let lost: Vec<i32> =
                        claimed.into_iter().filter(|id| !still_claimed.contains(id)).collect();
                    stove.abandon(&lost);
                    self.log
                        .debug("heartbeat_sent", format!("Worker {} is alive", self.claimant.worker))
                        .detail("worker_name", self.claimant.worker.as_str())
                        .detail("claims", still_claimed.len())
                        .emit();
                }
                Some(None) => {
                    stove.abandon(&stove.claimed_orders());
                    return Err(ServiceError::NameLost(self.claimant.worker.clone()));
                }
            }
            // After a long outage one heartbeat is due, not all that were missed.
            next = next.max(Instant::now());
        }
        Ok(())
    }

    /// Signs off, if the database answers in time; otherwise silence tells the same, a little later.
    pub async fn sign_off(&self) {
        let signing_off = self.retry("signing off", || workers::go_offline(&self.db, &self.claimant));
        if timeout(SIGN_OFF_DEADLINE, signing_off).await.is_ok() {
            self.log
                .info("worker_offline", format!("Worker {} is offline", self.claimant.worker))
                .detail("worker_name", self.claimant.worker.as_str())
                .emit();
        }
    }

    /// Repeats something harmless until the database has done it. Cancel it by dropping.
    pub async fn retry<T, F>(&self, doing: &str, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, DbError>>,
    {
        let mut backoff = Backoff::for_server();
        let mut failures = 0_u32;
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(why) => {
                    failures += 1;
                    if failures.is_multiple_of(ATTEMPTS_BEFORE_ERROR) || why.is_permanent() {
                        self.log
                            .error(
                                "db_connection_failed",
                                format!("PostgreSQL failed while {doing}; trying again"),
                                &why,
                            )
                            .detail("attempts", failures)
                            .emit();
                    }
                    sleep(backoff.next_pause()).await;
                }
            }
        }
    }
}
