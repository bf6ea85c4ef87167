//! Attempts at something that may fail for a while: the one loop of all of them.
//!
//! A failed attempt is judged and reported, then the next one follows after a pause that grows,
//! with jitter. An attempt that has begun is never cut off here. A caller that wants this drops the
//! future, with a `timeout` or [`Shutdown::or`].

use std::time::Duration;

use telemetry::metrics::RETRIES;
use tokio::time::{Instant, sleep};

use crate::{Backoff, FailedAttempt, Shutdown};

/// How often something is tried, and how soon again.
#[derive(Clone, Debug)]
pub struct Policy {
    backoff: Backoff,
    attempts: u32,
    deadline: Option<Instant>,
}

impl Policy {
    /// Any number of attempts, at the pauses of a session with a server ([`Backoff::for_server`]).
    pub fn for_server() -> Self {
        Self { backoff: Backoff::for_server(), attempts: u32::MAX, deadline: None }
    }

    /// So many attempts at most, the first one included.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// An attempt that fails later than this is the last.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(time), ..self }
    }
}

/// Tries until it succeeds. It gives up when an error is not worth another attempt, the policy
/// allows none, or the shutdown has begun. Each failure is judged first, then reported.
///
/// # Errors
/// The error of the last attempt.
pub async fn retry<T, E, F>(
    policy: Policy,
    shutdown: &Shutdown,
    mut operation: impl FnMut() -> F,
    mut is_worth_another: impl FnMut(&E) -> bool,
    mut report: impl FnMut(&E, FailedAttempt),
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let Policy { mut backoff, attempts, deadline } = policy;
    loop {
        let why = match operation().await {
            Ok(done) => return Ok(done),
            Err(why) => why,
        };
        let mut failed = backoff.failed();
        let may_go_on = failed.number < attempts
            && deadline.is_none_or(|deadline| Instant::now() < deadline)
            && !shutdown.has_begun();
        if !is_worth_another(&why) || !may_go_on {
            failed.retry_in = None;
        }
        report(&why, failed);
        if failed.retry_in.is_some() {
            RETRIES.inc();
        }
        if failed.retry_in.is_none() || shutdown.or(sleep(failed.pause())).await.is_none() {
            return Err(why);
        }
    }
}

/// Tries until it succeeds, however long that takes. A caller that stops waiting drops the future.
pub async fn until_done<T, E, F>(
    mut operation: impl FnMut() -> F,
    mut report: impl FnMut(&E, FailedAttempt),
) -> T
where
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::for_server();
    loop {
        match operation().await {
            Ok(done) => return done,
            Err(why) => {
                let failed = backoff.failed();
                report(&why, failed);
                RETRIES.inc();
                sleep(failed.pause()).await;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Fails so often, each time with the number of the attempt; then says how many there were.
    struct Failing {
        times: u32,
        attempts: Cell<u32>,
        reports: RefCell<Vec<FailedAttempt>>,
    }

    impl Failing {
        fn times(times: u32) -> Self {
            Self { times, attempts: Cell::default(), reports: RefCell::default() }
        }

        async fn attempt(&self) -> Result<u32, u32> {
            let number = self.attempts.get() + 1;
            self.attempts.set(number);
            if number > self.times { Ok(number) } else { Err(number) }
        }

        async fn tried(&self, policy: Policy, shutdown: &Shutdown) -> Result<u32, u32> {
            let report = |why: &u32, failed: FailedAttempt| {
                assert_eq!(*why, failed.number);
                self.reports.borrow_mut().push(failed);
            };
            retry(policy, shutdown, || self.attempt(), |_| true, report).await
        }

        fn pauses(&self) -> Vec<Option<Duration>> {
            self.reports.borrow().iter().map(|failed| failed.retry_in).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_ends_it_without_a_report() {
        let failing = Failing::times(0);
        assert_eq!(failing.tried(Policy::for_server(), &Shutdown::new()).await, Ok(1));
        assert!(failing.reports.borrow().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_counted_and_come_at_the_pauses_that_were_reported() {
        let (failing, start) = (Failing::times(8), Instant::now());
        assert_eq!(failing.tried(Policy::for_server(), &Shutdown::new()).await, Ok(9));
        let pauses: Vec<Duration> = failing.pauses().into_iter().flatten().collect();
        assert_eq!(pauses.len(), 8);
        // The timer of a paused clock goes in steps of a millisecond.
        let slept = pauses.iter().sum::<Duration>();
        assert!(start.elapsed() >= slept && start.elapsed() <= slept + Duration::from_millis(8));
        for (pause, bound) in pauses.iter().zip([100, 200, 400, 800, 1_600, 3_000, 3_000, 3_000]) {
            let bound = Duration::from_millis(bound);
            assert!(*pause >= bound / 2 && *pause <= bound, "{pause:?} of {bound:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_clients_do_not_come_back_in_step() {
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let failing = Failing::times(1);
            failing.tried(Policy::for_server(), &Shutdown::new()).await.unwrap();
            pauses.extend(failing.pauses());
        }
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 10, "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_attempt_is_reported_as_such_and_its_error_returned() {
        let failing = Failing::times(9);
        assert_eq!(failing.tried(Policy::for_server().attempts(3), &Shutdown::new()).await, Err(3));
        assert_eq!(failing.pauses().iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_is_not_worth_it_is_the_last() {
        let (failing, reports, never) = (Failing::times(9), Cell::new(0), Shutdown::new());
        let report = |_: &u32, _| reports.set(reports.get() + 1);
        let worth = |why: &u32| *why < 2;
        let tried = retry(Policy::for_server(), &never, || failing.attempt(), worth, report);
        assert_eq!((tried.await, reports.get()), (Err(2), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_follows_one_that_fails_after_the_deadline() {
        let (failing, start) = (Failing::times(99), Instant::now());
        let policy = Policy::for_server().within(Duration::from_secs(10));
        let last = failing.tried(policy, &Shutdown::new()).await.unwrap_err();
        assert_eq!(failing.attempts.get(), last);
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(10) && took <= Duration::from_secs(13), "{took:?}");
        assert_eq!(failing.pauses().pop(), Some(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_ends_the_pause_and_no_attempt_follows() {
        let (failing, shutdown) = (Failing::times(99), Shutdown::new());
        let stop = async {
            sleep(Duration::from_secs(30)).await;
            shutdown.begin();
            Instant::now()
        };
        let tried = async { (failing.tried(Policy::for_server(), &shutdown).await, Instant::now()) };
        let ((tried, ended), stopped) = tokio::join!(tried, stop);
        assert!(tried.is_err());
        assert_eq!(ended, stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_in_flight_when_the_shutdown_begins_is_carried_through() {
        let shutdown = Shutdown::new();
        let slow = || async {
            sleep(Duration::from_mins(1)).await;
            Err::<(), _>("slow")
        };
        let mut reports = Vec::new();
        let report = |_: &&str, failed: FailedAttempt| reports.push(failed);
        let stop = async {
            sleep(Duration::from_secs(30)).await;
            shutdown.begin();
        };
        let (tried, ()) = tokio::join!(retry(Policy::for_server(), &shutdown, slow, |_| true, report), stop);
        assert_eq!(tried, Err("slow"));
        assert_eq!(reports, [FailedAttempt { number: 1, retry_in: None }]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_be_done_is_tried_until_it_is() {
        let failing = Failing::times(50);
        let report = |_: &u32, failed: FailedAttempt| assert!(failed.retry_in.is_some());
        assert_eq!(until_done(|| failing.attempt(), report).await, 51);
    }
}
