//! A token bucket: a burst, then a steady rate.

use std::time::{Duration, Instant};

/// Allows a burst, then one event per interval, and counts the refused ones.
#[derive(Clone, Debug)]
pub struct Bucket {
    burst: u32,
    refill: Duration,
    left: u32,
    refilled: Instant,
    turned_away: u64,
}

impl Bucket {
    /// A full bucket: it allows `burst` events at once, then one per `refill`.
    pub fn new(burst: u32, refill: Duration, now: Instant) -> Self {
        Self { burst, refill, left: burst, refilled: now, turned_away: 0 }
    }

    /// Takes a token. `false` if there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled);
        let refills = passed.as_nanos().checked_div(self.refill.as_nanos()).unwrap_or(u128::MAX);
        let refills = u32::try_from(refills).unwrap_or(u32::MAX);
        if refills >= self.burst - self.left {
            self.left = self.burst;
            self.refilled = now;
        } else {
            self.left += refills;
            // The remaining time counts towards the next token.
            self.refilled += self.refill * refills;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            true
        } else {
            self.turned_away += 1;
            false
        }
    }

    /// When the next token comes, if there is none. For a bucket that was asked just now.
    pub fn next_at(&self) -> Instant {
        self.refilled + self.refill
    }

    /// When the bucket is full again: from then on it is as good as a new one.
    pub fn full_at(&self) -> Instant {
        self.refilled + self.refill * (self.burst - self.left)
    }

    /// Returns how many events were refused since the last call.
    pub fn turned_away(&mut self) -> u64 {
        std::mem::take(&mut self.turned_away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFILL: Duration = Duration::from_millis(100);

    #[test]
    fn a_burst_is_let_through_then_one_an_interval_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, REFILL, start);
        assert!((0..10).all(|_| bucket.take(start)));
        assert!(!(0..1_000).any(|_| bucket.take(start + REFILL / 2)));
        assert!(bucket.take(start + REFILL));
        assert_eq!((bucket.turned_away(), bucket.turned_away()), (1_000, 0));
        assert!(!bucket.take(start + REFILL));
        // After a long pause there is one burst, not more.
        let later = start + REFILL * 10_000;
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 10);
    }

    #[test]
    fn it_says_when_the_next_token_comes_and_when_it_is_full() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2, REFILL, start);
        assert_eq!(bucket.full_at(), start);
        assert!(bucket.take(start) && bucket.take(start) && !bucket.take(start + REFILL / 2));
        assert_eq!((bucket.next_at(), bucket.full_at()), (start + REFILL, start + REFILL * 2));
        assert!(bucket.take(bucket.next_at()));
    }

    #[test]
    fn the_rate_does_not_depend_on_how_often_it_is_asked() {
        let start = Instant::now();
        for pause in [7_u32, 30, 99, 101, 150, 199] {
            let mut bucket = Bucket::new(2, REFILL, start);
            let asked = 10_000 / pause;
            let let_through = (0..asked)
                .filter(|count| bucket.take(start + Duration::from_millis(1) * pause * *count))
                .count();
            let most = (2 + 10_000 / 100).min(usize::try_from(asked).unwrap());
            assert!((most - 3..=most).contains(&let_through), "{let_through} at {pause} ms");
        }
    }
}
