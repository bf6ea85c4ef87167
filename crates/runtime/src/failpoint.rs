//! Places where a test can end or freeze the process, as if it had been killed just there.
//!
//! Only debug builds with the feature `failpoints` have them. `FAILPOINT=order.committed=kill@3` kills the process
//! when it comes by `order.committed` for the third time; `stop` freezes it instead.

/// The process comes by the place of this name.
#[cfg(all(feature = "failpoints", debug_assertions))]
pub fn reached(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        name: String,
        signal: Signal,
        at: u64,
        passed: AtomicU64,
    }
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("FAILPOINT").ok()?;
        let (name, action) = text.split_once('=')?;
        let (signal, at) = action.split_once('@').unwrap_or((action, "1"));
        let signal = if signal == "stop" { Signal::STOP } else { Signal::KILL };
        Some(Armed { name: name.to_owned(), signal, at: at.parse().ok()?, passed: AtomicU64::new(0) })
    });
    if let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name)
        && armed.passed.fetch_add(1, Ordering::Relaxed) + 1 == armed.at
    {
        let _ = kill_process(getpid(), armed.signal);
        // Another thread may be the one that takes the signal, in its own time: this one goes no further meanwhile.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// The process comes by the place of this name.
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
#[inline]
pub fn reached(_name: &str) {}
