//! What a row has measured: lines of the table, plots, remarks.

use serde::Serialize;

use crate::figures::{Target, Unit, Verdict, median};

/// Everything from one row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Lines of the table.
    pub lines: Vec<ResultLine>,
    /// Plots for the page.
    pub plots: Vec<Plot>,
    /// What a reader must know to understand the figures.
    pub remarks: Vec<String>,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct ResultLine {
    /// What is measured.
    pub what: String,
    /// What is to be reached, if anything.
    pub target: Option<Target>,
    /// What all values count.
    pub unit: Unit,
    /// The median of the rounds.
    pub measured: f64,
    /// Each round's value.
    pub rounds: Vec<f64>,
    /// How it stands to its target.
    pub verdict: Option<Verdict>,
    /// What it was made of.
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

    /// With what it was made of.
    #[must_use]
    pub fn detailed(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

/// Curves in one plot.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// What goes to the right.
    pub x: String,
    /// Whether it does in powers of two.
    pub by_powers: bool,
    /// What goes up.
    pub y: String,
    /// Names and points.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Values round by round.
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

/// Two lists, place by place.
pub fn ratios(ours: &[f64], baseline: &[f64]) -> Vec<f64> {
    ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect()
}
