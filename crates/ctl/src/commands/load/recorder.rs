//! What was heard, and how long it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use tokio::time::Instant;

use super::client::Heard;
use super::follow_up::FollowUp;

/// Microseconds: an hour is the longest latency that is told apart.
const MAX_LATENCY: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// Collects from all connections; cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Results>>);

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Results {
    from: Instant,
    /// How long was measured.
    pub duration: Duration,
    /// Of answers of 200, in microseconds.
    pub latencies: Histogram<u64>,
    /// Answers of 200 at all, also before and after the time that was measured.
    pub answered: u64,
    /// Those in the time that was measured, by second.
    pub by_second: Vec<u64>,
    /// Answers of 200 in the time that was measured: accepted orders, or told statuses.
    pub accepted: u64,
    /// Answers by status, other than 200.
    pub refused: BTreeMap<u16, u64>,
    /// Orders without answer.
    pub unanswered: u64,
    /// The first reason for one.
    pub first_reason: Option<String>,
    /// Numbers of all acknowledged orders, also before and after the time that was measured.
    pub acknowledged: Vec<String>,
    /// What became of them.
    pub follow_up: Option<FollowUp>,
}

impl Recorder {
    /// Measures from this moment on, for so long.
    ///
    /// # Errors
    /// The histogram's limits contradict each other.
    pub fn new(from: Instant, duration: Duration) -> Result<Self, CreationError> {
        let latencies = Histogram::new_with_bounds(1, MAX_LATENCY, DIGITS)?;
        Ok(Self(Arc::new(Mutex::new(Results {
            from,
            duration,
            latencies,
            answered: 0,
            by_second: Vec::new(),
            accepted: 0,
            refused: BTreeMap::new(),
            unanswered: 0,
            first_reason: None,
            acknowledged: Vec::new(),
            follow_up: None,
        }))))
    }

    fn lock(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what an order that was due at this moment heard, just now.
    pub fn record(&self, due: Instant, heard: Heard) {
        let now = Instant::now();
        let mut results = self.lock();
        let since = now.checked_duration_since(results.from).filter(|since| *since < results.duration);
        match heard {
            Heard::Accepted(number) => {
                results.acknowledged.push(number);
                results.note(since, now - due);
            }
            Heard::Told => results.note(since, now - due),
            Heard::Refused(status) => *results.refused.entry(status).or_default() += 1,
            Heard::Nothing(why) => {
                results.unanswered += 1;
                results.first_reason.get_or_insert(why);
            }
        }
    }

    /// Answers of 200 at all, and the 99th percentile so far in microseconds.
    pub fn so_far(&self) -> (u64, u64) {
        let results = self.lock();
        (results.answered, results.latencies.value_at_quantile(0.99))
    }

    /// Everything, at the end.
    pub fn results(&self) -> Results {
        self.lock().clone()
    }
}

impl Results {
    /// Notes an answer of 200 and its latency; `since` is none outside the time that is measured.
    fn note(&mut self, since: Option<Duration>, latency: Duration) {
        self.answered += 1;
        let Some(since) = since else { return };
        self.accepted += 1;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MAX_LATENCY).clamp(1, MAX_LATENCY);
        self.latencies.saturating_record(micros);
        let second = usize::try_from(since.as_secs()).unwrap_or(0);
        if self.by_second.len() <= second {
            self.by_second.resize(second + 1, 0);
        }
        if let Some(count) = self.by_second.get_mut(second) {
            *count += 1;
        }
    }

    /// Answers of 200 a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 orders")]
    pub fn rate(&self) -> f64 {
        self.accepted as f64 / self.duration.as_secs_f64()
    }
}
