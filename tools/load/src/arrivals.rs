//! The schedule of requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Assigns each request a number and a time.
pub struct Arrivals {
    rate: Option<f64>,
    start: Instant,
    /// The number of requests that were taken or given up.
    taken: AtomicU64,
}

impl Arrivals {
    /// `rate` requests a second from this moment on. Without a rate, each request is due when it is
    /// taken.
    pub fn new(rate: Option<f64>, start: Instant) -> Self {
        Self { rate, start, taken: AtomicU64::new(0) }
    }

    /// The next request: its number, and the time at which it is due.
    pub fn next(&self) -> (u64, Instant) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number, self.rate.map_or_else(Instant::now, |rate| self.due(number, rate)))
    }

    /// Gives up all requests that were due before this moment and have not been taken. Returns
    /// their number.
    pub fn give_up_before(&self, moment: Instant) -> u64 {
        let Some(rate) = self.rate else { return 0 };
        let due = self.count_before(moment, rate);
        due.saturating_sub(self.taken.fetch_max(due, Ordering::Relaxed))
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 orders")]
    fn due(&self, number: u64, rate: f64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / rate)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "nobody counts to 2^52 orders"
    )]
    fn count_before(&self, moment: Instant, rate: f64) -> u64 {
        let near = ((moment - self.start).as_secs_f64() * rate) as u64;
        // The product is rounded, so compare the times themselves.
        (near.saturating_sub(1)..=near).find(|number| self.due(*number, rate) >= moment).unwrap_or(near + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_due_and_has_not_come_can_be_given_up_once() {
        let start = Instant::now();
        // 100 times 1.1 is slightly more than 110.
        for (rate, millis, count) in [(50.0, 1_200, 60), (100.0, 1_100, 110), (100.0, 290, 29), (0.1, 100, 1)]
        {
            let arrivals = Arrivals::new(Some(rate), start);
            let end = start + Duration::from_millis(millis);
            let come = (0..1_000).find(|_| arrivals.next().1 >= end).unwrap();
            assert_eq!(come, count, "{rate} for {millis} ms");
            assert_eq!(arrivals.give_up_before(end), 0);
            let arrivals = Arrivals::new(Some(rate), start);
            arrivals.next();
            assert_eq!(arrivals.give_up_before(end), count - 1, "{rate} for {millis} ms");
            assert_eq!(arrivals.give_up_before(end), 0);
        }
        assert_eq!(Arrivals::new(None, start).give_up_before(start + Duration::from_secs(9)), 0);
    }
}
