//! Pauses between attempts.

use std::time::Duration;

/// Exponential pauses with equal jitter: each is random between half and all of a bound
/// that doubles up to a maximum, so that many clients of a server that comes back do
/// not come back in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    bound: Duration,
}

impl Backoff {
    /// Pauses that start at about `first` and never exceed `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, bound: first }
    }

    /// The pauses of a session with a server: 100 ms to 3 s. Five seconds after a server is back,
    /// everybody is served again.
    pub fn for_server() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(3))
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.bound.mul_f64(rand::random_range(0.5..=1.0));
        self.bound = (self.bound * 2).min(self.max);
        pause
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.bound = self.first;
    }

    /// Starts over if what has ended lasted for longer than the longest pause. What opens
    /// well and then fails at once, time after time, gets longer and longer pauses.
    /// Returns whether it lasted.
    pub fn reset_if_lasted(&mut self, lasted: Duration) -> bool {
        let has_lasted = lasted > self.max;
        if has_lasted {
            self.reset();
        }
        has_lasted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_and_stay_bounded(attempts in 1_usize..100) {
            let mut backoff = Backoff::for_server();
            let pauses: Vec<_> = (0..attempts).map(|_| backoff.next_pause()).collect();
            prop_assert!(pauses[0] <= Duration::from_millis(100));
            prop_assert!(pauses.iter().all(|pause| *pause >= Duration::from_millis(50) && *pause <= Duration::from_secs(3)));
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
