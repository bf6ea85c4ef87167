//! How much is measured.

use std::time::Duration;

use crate::load::{Load, Workload};

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of baseline and ours.
    pub rounds: usize,
    /// Less of everything, for a first impression.
    pub quick: bool,
}

impl Effort {
    /// How long one load runs before it is measured.
    pub fn warmup(self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 3 })
    }

    /// How long one load is measured.
    pub fn duration(self) -> Duration {
        Duration::from_secs(if self.quick { 4 } else { 10 })
    }

    /// The one, or less of it.
    pub fn either<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A load of this effort, in a closed loop.
    pub fn load(self, workload: Workload<'_>, connections: usize) -> Load<'_> {
        Load { workload, connections, rate: None, warmup: self.warmup(), duration: self.duration() }
    }
}
