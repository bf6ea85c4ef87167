//! Wrong staff keys: slowed down, counted, and beyond a rate turned away.
//!
//! The count is one for all clients: it takes the same memory however many there are. The right key
//! is never counted, so that nobody can lock the staff out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use domain::OrderNumber;
use http_service::Problem;
use logging::{Bucket, Log};
use tokio::time::sleep;

/// Wrong keys that are answered one after the other before they are too many: somebody types.
const BURST: u32 = 10;
/// After this time one more is.
const REFILL: Duration = Duration::from_secs(1);
/// How long each of them waits for its answer.
const DELAY: Duration = Duration::from_millis(500);

/// Counts wrong keys; cheap to clone.
#[derive(Clone, Debug)]
pub struct WrongKeys(Arc<Mutex<Bucket>>);

impl Default for WrongKeys {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Bucket::new(BURST, REFILL, Instant::now()))))
    }
}

impl WrongKeys {
    /// How many were turned away before this one, or `None` if it is turned away as well.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(now).then(|| bucket.turned_away())
    }

    /// The answer to a wrong key: 403 after a while, or 429 at once.
    pub async fn refuse(&self, number: OrderNumber, log: &Log) -> Problem {
        let Some(unlogged) = self.take(Instant::now()) else {
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
