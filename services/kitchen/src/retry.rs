//! What to do when the database fails: try again, tell, and go on trying.

use std::borrow::Borrow;

use db::DbError;
use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::time::sleep;

/// Attempts before the database's failure is worth an error line.
const ATTEMPTS: u32 = 5;

/// Repeats something harmless. Cancel it by dropping.
pub struct Retry<'a> {
    /// For the log: what is done.
    pub doing: &'a str,
    pub log: &'a Log,
}

impl Retry<'_> {
    /// Repeats it until the database has done it.
    pub async fn until_done<T, E, F>(self, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, E>>,
        E: Borrow<DbError>,
    {
        let never = Shutdown::new();
        let mut backoff = Backoff::for_server();
        loop {
            if let Some(done) = self.round(&mut backoff, &never, "trying again", &mut attempt).await {
                return done;
            }
        }
    }

    /// Repeats it a few times only, and not at all any more once the shutdown has begun. `None` if
    /// the database failed each time.
    pub async fn a_few_times<T, E, F>(self, shutdown: &Shutdown, mut attempt: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, E>>,
        E: Borrow<DbError>,
    {
        self.round(&mut Backoff::for_server(), shutdown, "giving up for now", &mut attempt).await
    }

    async fn round<T, E, F>(
        &self,
        backoff: &mut Backoff,
        shutdown: &Shutdown,
        what_next: &str,
        attempt: &mut impl FnMut() -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, E>>,
        E: Borrow<DbError>,
    {
        let mut attempts = 0;
        loop {
            let why = match attempt().await {
                Ok(done) => return Some(done),
                Err(why) => why,
            };
            let why = why.borrow();
            attempts += 1;
            let enough = attempts == ATTEMPTS || why.is_permanent() || shutdown.has_begun();
            if enough {
                self.tell(why, attempts, what_next);
            }
            let paused = shutdown.or(sleep(backoff.next_pause())).await;
            if enough || paused.is_none() {
                return None;
            }
        }
    }

    fn tell(&self, why: &DbError, attempts: u32, what_next: &str) {
        let action = if why.is_permanent() { "db_query_failed" } else { "db_connection_failed" };
        self.log
            .error(action, format!("PostgreSQL failed while {}; {what_next}", self.doing), why)
            .detail("attempts", attempts)
            .emit();
    }
}
