//! The results of a scenario: lines of the table, plots, remarks.

use restaurant_load::plot::Plot;
use serde::Serialize;

use crate::figures::{Target, Unit, Verdict, median};

/// All results of one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Lines of the table.
    pub lines: Vec<ResultLine>,
    /// Plots for the page.
    pub plots: Vec<Plot>,
    /// Remarks that a reader needs to understand the figures.
    pub remarks: Vec<String>,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct ResultLine {
    /// What is measured.
    pub what: String,
    /// The target, if there is one.
    pub target: Option<Target>,
    /// The unit of all values.
    pub unit: Unit,
    /// The median of the rounds.
    pub measured: f64,
    /// Each round's value.
    pub rounds: Vec<f64>,
    /// The median in comparison with the target.
    pub verdict: Option<Verdict>,
    /// The parts of the figure.
    pub detail: String,
}

impl ResultLine {
    /// A line with the median of its rounds.
    pub fn new(what: &str, unit: Unit, rounds: Vec<f64>, target: Option<Target>) -> Self {
        let measured = median(&rounds);
        let verdict = target.map(|target| target.verdict(measured));
        Self { what: what.to_owned(), target, unit, measured, rounds, verdict, detail: String::new() }
    }

    /// Adds the parts of the figure.
    #[must_use]
    pub fn detailed(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

/// Figures of all rounds: ours, and those of the baseline.
pub struct Comparison {
    /// The unit of both.
    pub unit: Unit,
    /// Our figure of each round.
    pub ours: Vec<f64>,
    /// The baseline's figure of each round.
    pub baseline: Vec<f64>,
}

impl Comparison {
    /// Both figures of each round, ours first.
    pub fn new(unit: Unit, rounds: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (ours, baseline) = rounds.into_iter().unzip();
        Self { unit, ours, baseline }
    }

    /// A line of the ratios. Its detail has the medians of both.
    pub fn line(&self, what: &str, target: Option<Target>) -> ResultLine {
        let ratios = self.ours.iter().zip(&self.baseline).map(|(ours, baseline)| ours / baseline);
        let median = |values| self.unit.text(median(values));
        ResultLine::new(what, Unit::Times, ratios.collect(), target).detailed(format!(
            "{} : {}",
            median(&self.ours),
            median(&self.baseline)
        ))
    }

    /// A plot of both by round, under these names.
    pub fn plot(self, title: &str, y: &str, [ours, baseline]: [&str; 2]) -> Plot {
        by_round(title, y, vec![(ours, self.ours), (baseline, self.baseline)])
    }
}

/// A plot of values by round.
pub fn by_round(title: &str, y: &str, curves: Vec<(&str, Vec<f64>)>) -> Plot {
    let points = |values: Vec<f64>| (1..).map(f64::from).zip(values).collect();
    Plot::new(title, "round", y, curves.into_iter().map(|(name, values)| (name, points(values))))
}
