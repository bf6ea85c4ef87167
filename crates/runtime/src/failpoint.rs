//! Places where a test can end or freeze the process, as if it had been killed just there, or
//! have the task panic.
//!
//! Only debug builds with the feature `failpoints` have them. `FAILPOINT=order.committed=kill@3`
//! kills the process when it comes by `order.committed` for the third time; `stop` freezes it
//! instead, `panic` ends the task by a panic.

/// The process comes by the place of this name.
///
/// # Panics
/// If `FAILPOINT` says so.
#[cfg(all(feature = "failpoints", debug_assertions))]
#[expect(clippy::panic, reason = "a test asked for it")]
pub fn reached(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        name: String,
        /// None: panic.
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
        // Another thread may be the one that takes the signal, in its own time: this one goes
        // no further meanwhile.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// The process comes by the place of this name.
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
#[inline]
pub fn reached(_name: &str) {}
