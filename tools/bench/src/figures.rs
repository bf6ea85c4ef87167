//! Medians, percentiles, and what is to be reached.

use serde::Serialize;

/// The middle one, or the mean of both in the middle; 0 of nothing.
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

/// Percentiles in milliseconds; 0 if nothing was noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// Half are not slower.
    pub p50: f64,
    /// Ninety-nine of a hundred are not slower.
    pub p99: f64,
}

impl Latencies {
    /// Of single latencies in microseconds.
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
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Times the baseline.
    Times,
    /// Things a second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Megabytes (10^6 bytes).
    Megabytes,
    /// Messages.
    Messages,
}

impl Unit {
    /// A value as people read it.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2} ×"),
            Self::PerSecond if value >= 100.0 => format!("{value:.0}/s"),
            Self::PerSecond => format!("{value:.1}/s"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Microseconds => format!("{value:.0} µs"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Messages => format!("{value:.0} messages"),
        }
    }
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    /// What is wished.
    pub goal: f64,
    /// What is required.
    pub least: f64,
    /// Whether less is better.
    pub at_most: bool,
}

/// How a figure stands to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The goal is reached.
    Goal,
    /// What is required is reached.
    Least,
    /// Not even that.
    Missed,
}

impl Target {
    /// Not less than this.
    pub const fn at_least(goal: f64, least: f64) -> Self {
        Self { goal, least, at_most: false }
    }

    /// Not more than this.
    pub const fn at_most(goal: f64, least: f64) -> Self {
        Self { goal, least, at_most: true }
    }

    /// How a value stands to it.
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
