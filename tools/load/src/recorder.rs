//! Records responses and latencies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::basket::RefusalCode;
use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;
use tokio::time::Instant;

use crate::follow_up::FollowUp;
use crate::response::Response;
use crate::window::Window;

/// The largest distinguishable latency: an hour, in microseconds.
const MAX_LATENCY: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// Collects the results of all connections. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Results>>);

/// The moment that decides whether a latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedBy {
    /// The moment when the response was due: a system must not exclude its worst latencies by
    /// responding late.
    Due,
    /// The moment of the response.
    Answered,
}

/// All results.
#[derive(Clone, Debug)]
pub struct Results {
    /// The measured time.
    pub window: Window,
    /// The requested length of it.
    planned: Duration,
    counted_by: CountedBy,
    /// Latencies of responses with status 200, in microseconds.
    pub latencies: Histogram<u64>,
    /// The number of all responses with status 200, including those outside the measured time.
    pub answered: u64,
    /// Those within the measured time, by second.
    pub by_second: Vec<u64>,
    /// Responses with status 200 within the measured time: accepted orders, or statuses.
    pub accepted: u64,
    /// Failures within the measured time.
    pub failures: Failures,
    /// Failures outside the measured time.
    pub outside: Failures,
    /// The numbers of all acknowledged orders, including those outside the measured time.
    pub acknowledged: Vec<String>,
    /// The number of those that cost something else than they should.
    pub mispriced: u64,
    /// The first of these, and what it should cost.
    pub first_mispriced: Option<String>,
    /// The result of looking them up.
    pub follow_up: Option<FollowUp>,
}

/// Requests without a response of status 200.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// Orders that cannot be had as they are, by the code of the answer.
    pub refused_by_menu: BTreeMap<RefusalCode, u64>,
    /// Other responses of other statuses, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests without a response.
    pub unanswered: u64,
    /// The cause of the first of them.
    pub first_reason: Option<String>,
}

impl Failures {
    fn add_unanswered(&mut self, count: u64, why: String) {
        if count > 0 {
            self.unanswered += count;
            self.first_reason.get_or_insert(why);
        }
    }
}

impl Recorder {
    /// A recorder for this time.
    ///
    /// # Errors
    /// The histogram's limits contradict each other.
    pub fn new(window: Window, counted_by: CountedBy) -> Result<Self, CreationError> {
        let latencies = Histogram::new_with_bounds(1, MAX_LATENCY, DIGITS)?;
        Ok(Self(Arc::new(Mutex::new(Results {
            window,
            planned: window.duration,
            counted_by,
            latencies,
            answered: 0,
            by_second: vec![0; window.seconds()],
            accepted: 0,
            failures: Failures::default(),
            outside: Failures::default(),
            acknowledged: Vec::new(),
            mispriced: 0,
            first_mispriced: None,
            follow_up: None,
        }))))
    }

    fn lock(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a response that has just arrived, to a request that was due at this moment.
    pub fn record(&self, due: Instant, response: Response) {
        let now = Instant::now();
        let mut results = self.lock();
        match response {
            Response::Accepted { number, mispriced } => {
                results.acknowledged.push(number);
                results.mispriced += u64::from(mispriced.is_some());
                results.first_mispriced = results.first_mispriced.take().or(mispriced);
                results.note(due, now);
            }
            Response::Status => results.note(due, now),
            Response::RefusedByMenu(code) => {
                *results.failures_at(now).refused_by_menu.entry(code).or_default() += 1;
            }
            Response::Refused(status) => *results.failures_at(now).refused.entry(status).or_default() += 1,
            Response::Failed(why) => results.failures_at(due).add_unanswered(1, why),
        }
    }

    /// Records requests that were given up before they were sent. One of them was due at this
    /// moment.
    pub fn give_up(&self, due: Instant, count: u64, why: &str) {
        self.lock().failures_at(due).add_unanswered(count, why.to_owned());
    }

    /// Ends the measured time now. Returns whether it was still running.
    pub fn interrupt(&self) -> bool {
        let mut results = self.lock();
        let window = results.window.until(Instant::now());
        results.window = window;
        results.by_second.truncate(window.seconds());
        results.interrupted().is_some()
    }

    /// The number of all responses with status 200, and the 99th percentile so far, in
    /// microseconds.
    pub fn so_far(&self) -> (u64, u64) {
        let results = self.lock();
        (results.answered, results.latencies.value_at_quantile(0.99))
    }

    /// All results, at the end.
    pub fn results(&self) -> Results {
        self.lock().clone()
    }
}

impl Results {
    /// Records a response of status 200.
    fn note(&mut self, due: Instant, now: Instant) {
        self.answered += 1;
        if let Some(second) = self.window.second_of(now) {
            self.accepted += 1;
            if let Some(count) = self.by_second.get_mut(second) {
                *count += 1;
            }
        }
        let decisive = match self.counted_by {
            CountedBy::Due => due,
            CountedBy::Answered => now,
        };
        if self.window.contains(decisive) {
            let micros = u64::try_from((now - due).as_micros()).unwrap_or(MAX_LATENCY);
            self.latencies.saturating_record(micros.clamp(1, MAX_LATENCY));
        }
    }

    fn failures_at(&mut self, moment: Instant) -> &mut Failures {
        if self.window.contains(moment) { &mut self.failures } else { &mut self.outside }
    }

    /// Says how much shorter than requested the measured time is, if it is.
    pub fn interrupted(&self) -> Option<String> {
        let (after, planned) = (self.window.duration.as_secs_f64(), self.planned.as_secs_f64());
        (after < planned).then(|| format!("interrupted after {after:.1} s of {planned}"))
    }

    /// The codes with which the menu refused orders, if it did.
    pub fn refused_by_menu(&self) -> Option<String> {
        let all = [&self.failures, &self.outside].map(|failures| &failures.refused_by_menu);
        let codes: BTreeSet<&str> =
            all.into_iter().flat_map(BTreeMap::keys).map(|code| code.as_str()).collect();
        (!codes.is_empty()).then(|| codes.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// Responses of status 200 per second; 0 if the measured time never began.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 orders")]
    pub fn rate(&self) -> f64 {
        let seconds = self.window.duration.as_secs_f64();
        if seconds > 0.0 { self.accepted as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record of a response that arrives now, if the measured time began and ended this many
    /// seconds ago.
    fn recorded(began: u64, ended: u64, counted_by: CountedBy, due: u64, response: Response) -> Results {
        let now = Instant::now();
        let window = Window {
            from: now - Duration::from_secs(began),
            duration: Duration::from_secs(began - ended) + Duration::from_millis(500),
        };
        let recorder = Recorder::new(window, counted_by).unwrap();
        recorder.record(now - Duration::from_secs(due), response);
        recorder.results()
    }

    #[test]
    fn what_was_due_in_time_is_measured_however_late_its_answer_comes() {
        // The response arrives after the end.
        let late = |counted_by| recorded(9, 5, counted_by, 7, Response::Status);
        assert_eq!(late(CountedBy::Due).latencies.len(), 1);
        assert!(late(CountedBy::Due).latencies.max() >= 7_000_000, "it counts from when it was due");
        assert_eq!(late(CountedBy::Answered).latencies.len(), 0);
        assert_eq!((late(CountedBy::Due).accepted, late(CountedBy::Answered).accepted), (0, 0));
        // It was due in the warm-up, and arrives in the measured time.
        let early = |counted_by| recorded(3, 0, counted_by, 7, Response::Status);
        assert_eq!(early(CountedBy::Due).latencies.len(), 0);
        assert_eq!(early(CountedBy::Answered).latencies.len(), 1);
        assert_eq!((early(CountedBy::Due).accepted, early(CountedBy::Answered).accepted), (1, 1));
    }

    #[test]
    fn what_goes_wrong_before_and_after_is_told_apart() {
        for counted_by in [CountedBy::Due, CountedBy::Answered] {
            let refused = recorded(3, 0, counted_by, 7, Response::Refused(503));
            assert_eq!(refused.failures.refused, BTreeMap::from([(503, 1)]));
            assert_eq!(refused.outside, Failures::default());
            let refused = recorded(9, 5, counted_by, 7, Response::Refused(503));
            assert_eq!(refused.outside.refused, BTreeMap::from([(503, 1)]));
            assert_eq!(refused.failures, Failures::default());
            // A request without a response is counted at the moment when it was due.
            let unanswered = recorded(9, 5, counted_by, 7, Response::Failed("gone".to_owned()));
            assert_eq!((unanswered.failures.unanswered, unanswered.outside.unanswered), (1, 0));
            assert_eq!(unanswered.failures.first_reason.as_deref(), Some("gone"));
            let unanswered = recorded(3, 0, counted_by, 7, Response::Failed("gone".to_owned()));
            assert_eq!((unanswered.failures.unanswered, unanswered.outside.unanswered), (0, 1));
        }
    }

    #[test]
    fn seconds_without_an_answer_are_told_too() {
        let silent = recorded(9, 5, CountedBy::Answered, 7, Response::Failed("gone".to_owned()));
        assert_eq!(silent.by_second, [0; 5], "4.5 seconds");
    }

    #[test]
    fn an_interruption_ends_the_measured_time() {
        let now = Instant::now();
        let began = |from| {
            let window = Window { from, duration: Duration::from_mins(1) };
            let recorder = Recorder::new(window, CountedBy::Answered).unwrap();
            recorder.record(now, Response::Status);
            assert!(recorder.interrupt());
            recorder.record(now, Response::Status);
            recorder.results()
        };
        let results = began(now - Duration::from_millis(1_900));
        let seconds = results.window.duration.as_secs_f64();
        assert!((1.9..30.0).contains(&seconds), "{seconds}");
        assert_eq!(results.accepted, 1, "not what comes later");
        assert!((results.rate() - 1.0 / seconds).abs() < 0.001, "{}", results.rate());
        assert_eq!(results.by_second.len(), results.window.seconds());
        let told = results.interrupted().unwrap();
        assert!(told.starts_with("interrupted after ") && told.ends_with(" s of 60"), "{told}");
        let results = began(now + Duration::from_mins(5));
        assert!(results.rate().abs() < f64::EPSILON, "the warm-up is not measured");
        assert!(results.by_second.is_empty() && results.interrupted().is_some());
    }

    #[test]
    fn an_interruption_after_the_end_changes_nothing() {
        let window =
            Window { from: Instant::now() - Duration::from_secs(9), duration: Duration::from_secs(5) };
        let recorder = Recorder::new(window, CountedBy::Due).unwrap();
        assert!(!recorder.interrupt());
        let results = recorder.results();
        assert_eq!((results.window.duration, results.interrupted()), (Duration::from_secs(5), None));
    }
}
