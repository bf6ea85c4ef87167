//! How long the machine stood still. A virtual one does at times, which is nobody's slowness.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// Others that work hardly keep a thread waiting for so long beyond its time.
const STALL: Duration = Duration::from_millis(200);

/// Measures until it is asked.
pub struct Stalls {
    is_over: Arc<AtomicBool>,
    measuring: Option<JoinHandle<Duration>>,
}

impl Stalls {
    /// From now on.
    pub fn watch() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&is_over);
        let measuring = std::thread::spawn(move || {
            let mut total = Duration::ZERO;
            while !watched.load(Ordering::Relaxed) {
                let start = Instant::now();
                std::thread::sleep(TICK);
                let late = start.elapsed().saturating_sub(TICK);
                if late >= STALL {
                    total += late;
                }
            }
            total
        });
        Self { is_over, measuring: Some(measuring) }
    }

    /// The time in which nothing ran.
    pub fn total(mut self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        self.measuring.take().map_or(Duration::ZERO, |measuring| measuring.join().unwrap())
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
