//! Limits the rate of log lines that clients can cause: excess lines of an action are counted and
//! reported instead of written.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::action::Action;
use crate::bucket::Bucket;
use crate::line::Level;

/// Lines of one action that are written without a limit.
const BURST: u32 = 1_000;
/// Interval of further lines: 100 a second.
const REFILL: Duration = Duration::from_millis(10);

type Buckets = BTreeMap<(Action, Level), Bucket>;

/// The rate limits of one log, by action and level.
#[derive(Debug, Default)]
pub(crate) struct Suppression(Mutex<Buckets>);

/// The number of suppressed lines, as the error of their summary.
#[derive(Debug, thiserror::Error)]
#[error("{0} of these lines came faster than 100 a second and were left out")]
pub(crate) struct SuppressedLines(u64);

/// The suppressed lines of one action.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) action: Action,
    pub(crate) level: Level,
    pub(crate) count: u64,
}

impl Summary {
    pub(crate) fn why(&self) -> SuppressedLines {
        SuppressedLines(self.count)
    }
}

impl Suppression {
    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this line is to be written. If not, it is counted.
    pub(crate) fn admits(&self, action: Action, level: Level, now: Instant) -> bool {
        let mut actions = self.lock();
        actions.entry((action, level)).or_insert_with(|| Bucket::new(BURST, REFILL, now)).take(now)
    }

    /// Returns the counts of suppressed lines, and resets them.
    pub(crate) fn take(&self) -> Vec<Summary> {
        let mut actions = self.lock();
        let counted = actions.iter_mut().map(|((action, level), bucket)| Summary {
            action: *action,
            level: *level,
            count: bucket.turned_away(),
        });
        counted.filter(|summary| summary.count > 0).collect()
    }
}
