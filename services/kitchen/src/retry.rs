//! Retries database operations, and logs a failure that lasts.

use std::borrow::Borrow;
use std::time::Duration;

use db::DbError;
use logging::{Log, action};
use runtime::retry::{Policy, retry, until_done};
use runtime::{FailedAttempt, Shutdown};
use tokio::time::sleep;

/// The number of failed attempts after which an error is logged.
const ATTEMPTS: u32 = 5;
/// The pause of a caller that gives up for now. It comes back at once, and must not hurry.
const PAUSE_BEFORE_GIVING_UP: Duration = Duration::from_secs(1);

/// Repeats an idempotent operation. Dropping the future cancels it.
pub struct Retry<'a> {
    /// The operation, for the log.
    pub doing: &'a str,
    pub log: &'a Log,
}

impl Retry<'_> {
    /// Repeats the operation until it succeeds.
    pub async fn until_done<T, E, F>(self, attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, E>>,
        E: Borrow<DbError>,
    {
        let mut untold = 0;
        let report = |why: &E, failed| {
            untold += 1;
            if untold == ATTEMPTS || why.borrow().is_permanent() {
                self.tell(why.borrow(), untold, failed, "trying again");
                untold = 0;
            }
        };
        until_done(attempt, report).await
    }

    /// Repeats the operation a few times, and not again once the shutdown has begun. `None` if
    /// every attempt failed.
    pub async fn a_few_times<T, E, F>(self, shutdown: &Shutdown, attempt: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, E>>,
        E: Borrow<DbError>,
    {
        let policy = Policy::for_server().attempts(ATTEMPTS);
        let report = |why: &E, failed: FailedAttempt| {
            if failed.retry_in.is_none() {
                self.tell(why.borrow(), failed.number, failed, "giving up for now");
            }
        };
        let is_worth_another = |why: &E| !why.borrow().is_permanent();
        let done = retry(policy, shutdown, attempt, is_worth_another, report).await.ok();
        if done.is_none() {
            let _ = shutdown.or(sleep(PAUSE_BEFORE_GIVING_UP)).await;
        }
        done
    }

    fn tell(&self, why: &DbError, attempts: u32, failed: FailedAttempt, what_next: &str) {
        let action = if why.is_permanent() { action::DB_QUERY_FAILED } else { action::DB_CONNECTION_FAILED };
        let message = format!("PostgreSQL failed while {}; {what_next}", self.doing);
        failed.describe(self.log.error(action, message, why).detail("attempts", attempts)).emit();
    }
}
