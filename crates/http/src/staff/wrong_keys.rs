//! Wrong staff keys: slowed down, counted, and beyond a rate turned away.
//!
//! The count is one for all clients: it takes the same memory however many there are. The right key
//! is never counted, so that nobody can lock the staff out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use logging::Bucket;

use super::StaffRefusal;

/// Wrong keys that are answered in a row before they are too many: somebody types.
const BURST: u32 = 10;
/// After this time one more is.
const REFILL: Duration = Duration::from_secs(1);
/// How long each of them waits for its answer.
pub(super) const DELAY: Duration = Duration::from_millis(500);

/// Counts wrong keys.
#[derive(Debug)]
pub(super) struct WrongKeys(Mutex<Bucket>);

impl Default for WrongKeys {
    fn default() -> Self {
        Self(Mutex::new(Bucket::new(BURST, REFILL, Instant::now())))
    }
}

impl WrongKeys {
    /// Counts a wrong key, and refuses it: as such, or as one too many.
    pub(super) fn refuse(&self) -> StaffRefusal {
        match self.take(Instant::now()) {
            Some(turned_away_before) => StaffRefusal::WrongKey { turned_away_before },
            None => StaffRefusal::TooManyWrongKeys { retry_after: REFILL },
        }
    }

    /// How many were turned away before this one, or `None` if it is turned away as well.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(now).then(|| bucket.turned_away())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_answered_then_one_a_second_and_the_rest_is_counted() {
        let wrong = WrongKeys::default();
        let start = Instant::now();
        for _ in 0..BURST {
            assert_eq!(wrong.take(start), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(wrong.take(start + REFILL / 2), None);
        }
        assert_eq!(wrong.take(start + REFILL * 2), Some(1_000));
    }
}
