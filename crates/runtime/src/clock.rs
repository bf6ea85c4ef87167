//! The machine's clock, only for displaying how long something has been running.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "compared across processes, and only shown")]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// "42 s", "3 min 5 s", "2 h 7 min", "3 d 4 h".
pub fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        let readable = |seconds| readable(Duration::from_secs(seconds));
        assert_eq!(readable(42), "42 s");
        assert_eq!(readable(185), "3 min 5 s");
        assert_eq!(readable(7620), "2 h 7 min");
        assert_eq!(readable(273_600), "3 d 4 h");
    }
}
