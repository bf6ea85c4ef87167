//! Points at which a test can kill or freeze the process, or make the task panic.
//!
//! Only debug builds with the feature `failpoints` contain them. `FAILPOINT=order.committed=kill@3`
//! kills the process when it reaches `order.committed` for the third time. `stop` freezes it
//! instead, and `panic` panics.

/// Marks the point of this name.
///
/// # Panics
/// If `FAILPOINT` demands it.
#[cfg(all(feature = "failpoints", debug_assertions))]
#[expect(clippy::panic, reason = "a test asked for it")]
pub fn reached(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        name: String,
        /// `None` means panic.
        signal: Option<Signal>,
        at: u64,
        passed: AtomicU64,
    }
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("FAILPOINT").ok()?;
        let (name, action) = text.split_once('=')?;
        let (signal, at) = action.split_once('@').unwrap_or((action, "1"));
        let signal = match signal {
            "panic" => None,
            "stop" => Some(Signal::STOP),
            _ => Some(Signal::KILL),
        };
        Some(Armed { name: name.to_owned(), signal, at: at.parse().ok()?, passed: AtomicU64::new(0) })
    });
    if let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name)
        && armed.passed.fetch_add(1, Ordering::Relaxed) + 1 == armed.at
    {
        let Some(signal) = armed.signal else { panic!("failpoint {name}") };
        let _ = kill_process(getpid(), signal);
        // The kernel may deliver the signal to another thread, later. This thread must not go on
        // until then.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// Does nothing in this build.
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
#[inline]
pub fn reached(_name: &str) {}
