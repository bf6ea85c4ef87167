//! The size of the suite: bounded with every change, complete with `cargo xtask faults`.

use std::time::Duration;

/// Whether the complete form is requested (`FAULTS=complete`).
pub fn is_complete() -> bool {
    std::env::var("FAULTS").is_ok_and(|value| value == "complete")
}

/// The first value in the bounded form, the second in the complete one.
pub fn either<T>(bounded: T, complete: T) -> T {
    if is_complete() { complete } else { bounded }
}

/// The duration of random faults: `SOAK=90s`, `SOAK=10m`, `SOAK=1h`.
pub fn soak() -> Duration {
    let Ok(text) = std::env::var("SOAK") else {
        return either(Duration::from_secs(10), Duration::from_mins(1));
    };
    let (count, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 0,
    };
    let time = Duration::from_secs(count.parse::<u64>().unwrap_or(0) * seconds);
    assert!(!time.is_zero(), "SOAK={text}: give a time such as 90s, 10m, 1h");
    time
}
