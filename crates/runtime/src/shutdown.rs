//! Passes the request to stop from the operating system to every task.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::signals::StopSignals;

/// Set once, by the first signal that asks the process to stop. Every task holds a clone and
/// observes it.
///
/// The process must then end within its grace period. Every wait during a shutdown has a deadline
/// counted back from the end of that period. So all of them fit into it, whatever each of them
/// needs.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    begun_at: Arc<OnceLock<Instant>>,
    grace: Option<Duration>,
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::begin`] starts, without a deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Like [`Shutdown::new`], with this grace period.
    pub fn within(grace: Option<Duration>) -> Self {
        Self { grace, ..Self::default() }
    }

    /// A shutdown that the first signal starts, and that takes `grace` at most.
    ///
    /// # Errors
    /// The operating system refuses signal handlers, or a thread.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        StopSignals::handle(Some(grace)).map(|signals| signals.shutdown())
    }

    /// Starts the shutdown from inside the program.
    pub fn begin(&self) {
        self.begun_at.get_or_init(Instant::now);
        self.token.cancel();
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Runs `work` until it ends or the shutdown begins, whichever is first.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.token.run_until_cancelled(work).await
    }

    /// Waits until the shutdown has begun and only `reserve` is left of the grace period.
    pub async fn grace_is_over(&self, reserve: Duration) {
        self.begun().await;
        match (self.begun_at.get(), self.grace) {
            (Some(begun_at), Some(grace)) => sleep_until(*begun_at + grace.saturating_sub(reserve)).await,
            _ => std::future::pending().await,
        }
    }

    /// Runs `work` until it ends. `None` if only `reserve` is left of the grace period first.
    pub async fn within_grace<T>(&self, reserve: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.grace_is_over(reserve) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_the_grace_is_counted_from_its_begin() {
        let shutdown = Shutdown::within(Some(SECOND * 10));
        sleep(SECOND * 60).await;
        let never = std::future::pending::<()>();
        let work = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.within_grace(SECOND * 4, never).await }
        });
        sleep(SECOND).await;
        assert!(!work.is_finished(), "it has not begun");
        shutdown.begin();
        let begun = Instant::now();
        sleep(SECOND).await;
        shutdown.begin();
        assert_eq!(work.await.unwrap(), None);
        assert_eq!(begun.elapsed().as_secs(), 6);
        assert_eq!(shutdown.within_grace(SECOND * 20, async { 1 }).await, Some(1), "what is done is done");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_grace_there_is_no_end() {
        let shutdown = Shutdown::new();
        shutdown.begin();
        assert!(timeout(SECOND * 100_000, shutdown.grace_is_over(Duration::ZERO)).await.is_err());
    }
}
