//! The measured time.

use std::time::Duration;

use tokio::time::Instant;

/// The measured time.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its start.
    pub from: Instant,
    /// Its length.
    pub duration: Duration,
}

impl Window {
    /// The first moment after it.
    pub fn end(self) -> Instant {
        self.from + self.duration
    }

    /// Whether it contains a moment.
    pub fn contains(self, moment: Instant) -> bool {
        (self.from..self.end()).contains(&moment)
    }

    /// The same, but ending at this moment, if it does not end earlier.
    pub fn until(self, moment: Instant) -> Self {
        Self { duration: self.duration.min(moment.saturating_duration_since(self.from)), ..self }
    }

    /// The number of its seconds, including a partial last one.
    pub fn seconds(self) -> usize {
        usize::try_from(self.duration.as_nanos().div_ceil(1_000_000_000)).unwrap_or(usize::MAX)
    }

    /// The second of the window that contains a moment. `None` outside of the window.
    pub fn second_of(self, moment: Instant) -> Option<usize> {
        if !self.contains(moment) {
            return None;
        }
        usize::try_from((moment - self.from).as_secs()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_is_only_begun_counts() {
        let from = Instant::now();
        let window = Window { from, duration: Duration::from_millis(1_500) };
        assert_eq!(window.seconds(), 2);
        let second = |millis| window.second_of(from + Duration::from_millis(millis));
        assert_eq!((second(0), second(999), second(1_499)), (Some(0), Some(0), Some(1)));
        assert_eq!((second(1_500), window.second_of(from - Duration::from_millis(1))), (None, None));
    }

    #[test]
    fn it_can_only_become_shorter() {
        let from = Instant::now();
        let window = Window { from, duration: Duration::from_mins(1) };
        let until = |moment| window.until(moment).duration;
        assert_eq!(until(from + Duration::from_secs(2)), Duration::from_secs(2));
        assert_eq!(until(from + Duration::from_mins(2)), Duration::from_mins(1));
        assert_eq!(until(from - Duration::from_secs(1)), Duration::ZERO, "before it began");
    }
}
