//! Medians, percentiles, and targets.

use serde::{Deserialize, Serialize};

/// The median; 0 if there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 || sorted.is_empty() {
        at(middle)
    } else {
        f64::midpoint(at(middle - 1), at(middle))
    }
}

/// Percentiles in milliseconds; 0 if there are no latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Latencies {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Latencies {
    /// The percentiles of latencies in microseconds.
    pub fn of_micros(mut micros: Vec<f64>) -> Self {
        micros.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list, from a share of its length"
        )]
        let at = |share: f64| {
            let place = ((micros.len() as f64 * share).ceil() as usize).saturating_sub(1);
            micros.get(place).copied().unwrap_or(0.0) / 1_000.0
        };
        Self { p50: at(0.5), p99: at(0.99) }
    }

    /// The larger of each percentile.
    pub fn max(self, other: Self) -> Self {
        Self { p50: self.p50.max(other.p50), p99: self.p99.max(other.p99) }
    }
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A multiple of the baseline.
    Times,
    /// A rate per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Megabytes (10^6 bytes).
    Megabytes,
    /// Kilobytes (10^3 bytes).
    Kilobytes,
    /// Messages.
    Messages,
}

impl Unit {
    /// Formats a value with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2} ×"),
            Self::PerSecond if value >= 100.0 => format!("{value:.0}/s"),
            Self::PerSecond => format!("{value:.1}/s"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Microseconds => format!("{value:.0} µs"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Kilobytes => format!("{value:.1} kB"),
            Self::Messages => format!("{value:.0} messages"),
        }
    }
}

/// The target of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    /// The desired value.
    pub goal: f64,
    /// The required value.
    pub least: f64,
    /// Whether smaller values are better.
    pub at_most: bool,
}

/// A figure in comparison with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The desired value is reached.
    Goal,
    /// The required value is reached.
    Least,
    /// Neither is reached.
    Missed,
}

impl Target {
    /// A lower bound.
    pub const fn at_least(goal: f64, least: f64) -> Self {
        Self { goal, least, at_most: false }
    }

    /// An upper bound.
    pub const fn at_most(goal: f64, least: f64) -> Self {
        Self { goal, least, at_most: true }
    }

    /// Compares a value with the target.
    pub fn verdict(self, value: f64) -> Verdict {
        let reaches = |bound: f64| if self.at_most { value <= bound } else { value >= bound };
        match (reaches(self.goal), reaches(self.least)) {
            (true, _) => Verdict::Goal,
            (false, true) => Verdict::Least,
            (false, false) => Verdict::Missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latencies =
            Latencies::of_micros((1..=100).rev().map(|value| f64::from(value) * 1_000.0).collect());
        assert_eq!(latencies, Latencies { p50: 50.0, p99: 99.0 });
        assert_eq!(Latencies::of_micros(Vec::new()), Latencies::default());
    }

    #[test]
    fn a_target_knows_its_direction() {
        assert_eq!(Target::at_least(10.0, 6.0).verdict(10.0), Verdict::Goal);
        assert_eq!(Target::at_least(10.0, 6.0).verdict(7.0), Verdict::Least);
        assert_eq!(Target::at_least(10.0, 6.0).verdict(5.0), Verdict::Missed);
        assert_eq!(Target::at_most(0.5, 1.0).verdict(0.7), Verdict::Least);
        assert_eq!(Target::at_most(0.5, 1.0).verdict(1.1), Verdict::Missed);
    }
}
