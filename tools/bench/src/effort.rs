//! How long and how often is measured.

use std::time::Duration;

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of baseline and ours.
    pub rounds: usize,
    /// Shorter and smaller, for a first impression.
    pub quick: bool,
}

impl Effort {
    /// The length of a load's warm-up.
    pub fn warmup(self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 3 })
    }

    /// The measured length of a load.
    pub fn duration(self) -> Duration {
        Duration::from_secs(if self.quick { 4 } else { 10 })
    }

    /// `full`, or `quick` for a first impression.
    pub fn either<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}
