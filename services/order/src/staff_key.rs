//! Wrong staff keys: slowed down, counted, and beyond a rate turned away.
//!
//! The count is one for all clients: it takes the same memory however many there are. The right key is never counted, so that
//! nobody can lock the staff out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use domain::OrderNumber;
use http_service::Problem;
use logging::Log;
use tokio::time::{Instant, sleep};

/// Wrong keys that are answered one after the other before they are too many: somebody types.
const BURST: u32 = 10;
/// After this time one more is.
const REFILL: Duration = Duration::from_secs(1);
/// How long each of them waits for its answer.
const DELAY: Duration = Duration::from_millis(500);

/// Counts wrong keys; cheap to clone.
#[derive(Clone, Debug)]
pub struct WrongKeys(Arc<Mutex<Bucket>>);

#[derive(Debug)]
struct Bucket {
    left: u32,
    refilled: Instant,
    /// Turned away without a line of the log since the last line.
    unlogged: u64,
}

impl Default for WrongKeys {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Bucket { left: BURST, refilled: Instant::now(), unlogged: 0 })))
    }
}

impl Bucket {
    /// How many were turned away before this one, or `None` if it is turned away as well.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.refilled);
        let refills = u32::try_from(passed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        if refills > 0 {
            self.left = self.left.saturating_add(refills).min(BURST);
            self.refilled = now;
        }
        if self.left == 0 {
            self.unlogged += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.unlogged))
    }
}

impl WrongKeys {
    /// The answer to a wrong key: 403 after a while, or 429 at once.
    pub async fn refuse(&self, number: OrderNumber, log: &Log) -> Problem {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        let Some(unlogged) = taken else {
            let detail = "Too many wrong staff keys were sent. Check the key, and try again in a second.";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail, log.request_id());
            return problem.retry_after(REFILL.as_secs());
        };
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "This is not the staff's key as 'Authorization: Bearer <key>'.",
            log.request_id(),
        );
        log.error("staff_key_refused", "Somebody sent a wrong staff key", &problem)
            .detail("order_number", number.to_string())
            .detail("turned_away_before", unlogged)
            .emit();
        sleep(DELAY).await;
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_answered_then_one_a_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut bucket = Bucket { left: BURST, refilled: start, unlogged: 0 };
        for _ in 0..BURST {
            assert_eq!(bucket.take(start), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(bucket.take(start + REFILL / 2), None);
        }
        assert_eq!(bucket.take(start + REFILL), Some(1_000));
        assert_eq!(bucket.take(start + REFILL), None);
        // A long pause gives a burst, not more.
        let later = start + REFILL * 10_000;
        let answered = (0..100).filter(|_| bucket.take(later).is_some()).count();
        assert_eq!(answered, usize::try_from(BURST).unwrap_or_default());
    }
}
