//! Pauses between attempts.

use std::time::Duration;

use logging::Entry;

/// Exponential pauses with equal jitter: each is random between half of a bound and the whole of
/// it. The bound doubles up to a maximum. So the clients of a restarted server do not return in
/// step.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    bound: Duration,
    failures: u32,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Which one it was since the last success: the first is 1.
    pub number: u32,
    /// The pause until the next one, or `None` if this was the last.
    pub retry_in: Option<Duration>,
}

impl FailedAttempt {
    /// The pause until the next attempt; none after the last.
    pub fn pause(&self) -> Duration {
        self.retry_in.unwrap_or_default()
    }

    /// Adds what readers of the log go by: `attempt`, and `retry_in_ms` if there is a next one.
    pub fn describe<'a>(&self, line: Entry<'a>) -> Entry<'a> {
        let line = line.detail("attempt", self.number);
        match self.retry_in {
            None => line,
            Some(pause) => line.detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl Backoff {
    /// Pauses that start at about `first` and never exceed `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, bound: first, failures: 0 }
    }

    /// The pauses of a session with a server: 100 ms to 3 s. All clients are back five seconds
    /// after their server.
    pub fn for_server() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(3))
    }

    /// Counts a failure, and says when to try again: after the next pause.
    pub fn failed(&mut self) -> FailedAttempt {
        self.failures = self.failures.saturating_add(1);
        FailedAttempt { number: self.failures, retry_in: Some(self.next_pause()) }
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.bound.mul_f64(rand::random_range(0.5..=1.0));
        self.bound = (self.bound * 2).min(self.max);
        pause
    }

    /// Resets the bound, after a success.
    pub fn reset(&mut self) {
        self.bound = self.first;
        self.failures = 0;
    }

    /// Resets the bound if the ended session had lasted longer than the longest pause. Sessions
    /// that open and then fail at once, again and again, get longer and longer pauses. Returns
    /// whether it was reset.
    pub fn reset_if_lasted(&mut self, lasted: Duration) -> bool {
        let has_lasted = lasted > self.max;
        if has_lasted {
            self.reset();
        }
        has_lasted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn failures_are_counted_since_the_last_success() {
        let mut backoff = Backoff::for_server();
        assert_eq!([backoff.failed().number, backoff.failed().number], [1, 2]);
        backoff.reset();
        let failed = backoff.failed();
        assert_eq!(failed.number, 1);
        assert!(failed.pause() > Duration::ZERO && failed.retry_in == Some(failed.pause()));
    }

    #[test]
    fn a_line_says_which_attempt_it_was_and_when_the_next_one_comes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (log, flush) = logging::start_on("test", logging::Level::Debug, file.reopen().unwrap());
        let failed = FailedAttempt { number: 2, retry_in: Some(Duration::from_millis(150)) };
        failed.describe(log.info(logging::action::DB_CONNECTION_FAILED, "First")).emit();
        FailedAttempt { retry_in: None, ..failed }
            .describe(log.info(logging::action::DB_CONNECTION_FAILED, "Second"))
            .emit();
        drop((log, flush));
        let lines = std::fs::read_to_string(file.path()).unwrap();
        let (first, second) = lines.split_once('\n').unwrap();
        assert!(first.contains(r#""attempt":2,"retry_in_ms":150"#), "{first}");
        assert!(second.contains(r#""attempt":2"#) && !second.contains("retry_in_ms"), "{second}");
    }

    proptest! {
        #[test]
        fn pauses_grow_and_stay_bounded(attempts in 1_usize..100) {
            let mut backoff = Backoff::for_server();
            let pauses: Vec<_> = (0..attempts).map(|_| backoff.next_pause()).collect();
            prop_assert!(pauses[0] <= Duration::from_millis(100));
            let bounds = Duration::from_millis(50)..=Duration::from_secs(3);
            prop_assert!(pauses.iter().all(|pause| bounds.contains(pause)));
            prop_assert!(attempts < 10 || pauses[attempts - 1] >= Duration::from_millis(1_500));
            backoff.reset_if_lasted(Duration::from_secs(3));
            prop_assert!(attempts < 10 || backoff.next_pause() >= Duration::from_millis(1_500));
            backoff.reset_if_lasted(Duration::from_secs(4));
            prop_assert!(backoff.next_pause() <= Duration::from_millis(100));
            backoff.reset();
            prop_assert!(backoff.next_pause() <= Duration::from_millis(100));
        }
    }
}
