//! Retries database operations, and logs a failure that lasts.

use std::borrow::Borrow;

use db::DbError;
use logging::{Log, action};
use runtime::retry::{Policy, retry, until_done};
use runtime::{FailedAttempt, Shutdown};

/// The number of failed attempts after which an error is logged.
const ATTEMPTS: u32 = 5;

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
        retry(policy, shutdown, attempt, |why| !why.borrow().is_permanent(), report).await.ok()
    }

    fn tell(&self, why: &DbError, attempts: u32, failed: FailedAttempt, what_next: &str) {
        let action = if why.is_permanent() { action::DB_QUERY_FAILED } else { action::DB_CONNECTION_FAILED };
        let message = format!("PostgreSQL failed while {}; {what_next}", self.doing);
        failed.describe(self.log.error(action, message, why).detail("attempts", attempts)).emit();
    }
}
