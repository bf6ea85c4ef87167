//! The results of a scenario: lines of the table, plots, remarks.

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
        Self {
            what: what.to_owned(),
            target,
            unit,
            measured,
            rounds,
            verdict: target.map(|target| target.verdict(measured)),
            detail: String::new(),
        }
    }

    /// Adds the parts of the figure.
    #[must_use]
    pub fn detailed(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

/// Curves in one plot.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// Its title.
    pub title: String,
    /// The x axis.
    pub x: String,
    /// Whether the x axis is logarithmic, in powers of two.
    pub by_powers: bool,
    /// The y axis.
    pub y: String,
    /// Names and points of the curves.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Values by round.
    pub fn of_rounds(title: &str, y: &str, curves: Vec<(&str, Vec<f64>)>) -> Self {
        let curves = curves
            .into_iter()
            .map(|(name, values)| {
                let points = (1..).map(f64::from).zip(values).collect();
                (name.to_owned(), points)
            })
            .collect();
        Self { title: title.to_owned(), x: "round".to_owned(), by_powers: false, y: y.to_owned(), curves }
    }
}

/// The ratios of two lists, element by element.
pub fn ratios(ours: &[f64], baseline: &[f64]) -> Vec<f64> {
    ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect()
}
