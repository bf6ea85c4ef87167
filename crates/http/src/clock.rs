//! The time of the connections.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// One step of the [`Clock`].
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Counts ticks, not elapsed time: a stalled machine must not use up the deadlines of clients whose
/// bytes wait in the kernel.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU32);

impl Clock {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn tick(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many ticks a time has.
pub(crate) fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX)
}
