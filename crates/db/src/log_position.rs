//! Positions in the primary's write-ahead log, and what they prove of a standby.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How far the primary's log is written. Not how far it is filled: at the end of a page, that
/// position is behind a header, which a standby only replays with what follows it.
pub(crate) const WRITTEN: &str = "select (pg_current_wal_lsn() - '0/0'::pg_lsn)::int8";
/// How far a standby has replayed. Nothing if it is no standby: whoever was promoted may have
/// another past than the primary that the service knows.
pub(crate) const REPLAYED: &str =
    "select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8 end";

/// Positions that were noted lately, each with a moment: whatever could be seen on the primary at
/// that moment is in its log before the position. So a standby that has reached it has all of that
/// moment.
#[derive(Debug)]
pub(crate) struct NotedPositions {
    /// For how long one is of use.
    max_lag: Duration,
    noted: Mutex<VecDeque<(Instant, i64)>>,
}

impl NotedPositions {
    /// For standbys that may be this much behind. Nothing is noted yet.
    pub(crate) fn within(max_lag: Duration) -> Self {
        Self { max_lag, noted: Mutex::default() }
    }

    /// Notes where the log was after this moment.
    pub(crate) fn note(&self, at: Instant, position: i64) {
        let mut noted = self.lock();
        while noted.front().is_some_and(|(earlier, _)| at.duration_since(*earlier) > self.max_lag) {
            noted.pop_front();
        }
        noted.push_back((at, position));
    }

    /// The last moment that a standby at this position has all of.
    pub(crate) fn last_reached(&self, replayed: i64) -> Option<Instant> {
        self.lock().iter().rev().find(|(_, position)| *position <= replayed).map(|(at, _)| *at)
    }

    /// Whether a standby at this position is close enough behind now.
    pub(crate) fn is_close(&self, replayed: i64) -> bool {
        self.last_reached(replayed).is_some_and(|at| at.elapsed() <= self.max_lag)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, i64)>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(positions: &[i64]) -> (Instant, NotedPositions) {
        let start = Instant::now();
        let noted = NotedPositions::within(Duration::from_mins(1));
        for (second, position) in (0..).zip(positions) {
            noted.note(start + Duration::from_secs(second), *position);
        }
        (start, noted)
    }

    #[test]
    fn a_standby_has_all_of_the_last_moment_whose_position_it_has_reached() {
        for (replayed, second) in [(99, None), (100, Some(0)), (249, Some(1)), (300, Some(3)), (999, Some(3))]
        {
            let (start, noted) = noted(&[100, 200, 250, 300]);
            let expected = second.map(|second| start + Duration::from_secs(second));
            assert_eq!(noted.last_reached(replayed), expected, "{replayed}");
        }
    }

    #[test]
    fn on_an_idle_primary_nothing_is_missing_however_long_ago_the_last_order_is() {
        let (start, noted) = noted(&[100; 300]);
        assert_eq!(noted.last_reached(100), Some(start + Duration::from_secs(299)));
        assert_eq!(noted.lock().len(), 61, "what is too old is forgotten");
    }

    #[test]
    fn a_new_primary_whose_log_is_shorter_counts_from_its_first_look_on() {
        let (start, noted) = noted(&[100, 300, 120]);
        assert_eq!(noted.last_reached(130), Some(start + Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_proved_ages() {
        let noted = NotedPositions::within(Duration::from_secs(5));
        noted.note(Instant::now(), 100);
        assert!(noted.is_close(100) && !noted.is_close(99));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(!noted.is_close(100), "nobody has looked since");
        noted.note(Instant::now(), 200);
        assert!(noted.is_close(200) && !noted.is_close(199));
    }
}
