//! The results: a table, JSON, and a page.

mod html;
mod page;
mod plot;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::figures::Verdict;
use crate::machine::Machine;
use crate::outcome::{Outcome, ResultLine};

/// All results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The time of the run, RFC 3339.
    pub when: String,
    /// The machine.
    pub machine: Machine,
    /// The number of rounds.
    pub rounds: usize,
    /// Whether it was a quick run.
    pub quick: bool,
    /// The results of each scenario.
    #[serde(rename = "rows")]
    pub scenarios: Vec<Measurement>,
}

/// The results of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// The scenario's name.
    #[serde(rename = "row")]
    pub scenario: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its results.
    #[serde(flatten)]
    pub outcome: Outcome,
}

const HEADINGS: [&str; 5] = ["what", "goal", "least", "measured", "reached"];

impl Report {
    /// Writes `results.json` and `results.html` into a folder. Returns the page's path.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, Error> {
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        let json = folder.join("results.json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        fs::write(&json, text + "\n").map_err(Error::file("write", &json))?;
        let html = folder.join("results.html");
        fs::write(&html, page::of(self)).map_err(Error::file("write", &html))?;
        Ok(html)
    }

    /// A line about the method.
    pub fn method(&self) -> String {
        let quick =
            if self.quick { " QUICK: short loads, small tables; the figures are an impression." } else { "" };
        let rounds = match self.rounds {
            1 => "One round".to_owned(),
            rounds => format!("Medians of {rounds} rounds"),
        };
        format!("{rounds}, baseline and ours in turn.{quick}")
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.machine.lines() {
            let _ = writeln!(text, "{name}: {value}  ");
        }
        let _ = writeln!(text, "{}\n", self.method());
        let _ = writeln!(text, "| {} |\n|---|---|---|---|---|", HEADINGS.join(" | "));
        for line in self.scenarios.iter().flat_map(|measurement| &measurement.outcome.lines) {
            let _ = writeln!(text, "| {} |", cells(line).join(" | "));
        }
        for measurement in &self.scenarios {
            for remark in &measurement.outcome.remarks {
                let _ = writeln!(text, "\n{}: {remark}", measurement.scenario);
            }
        }
        text
    }
}

/// The cells of a table line.
fn cells(line: &ResultLine) -> [String; 5] {
    let bound = |value: Option<f64>| match (line.target, value) {
        (Some(target), Some(value)) => {
            format!("{} {}", if target.at_most { "≤" } else { "≥" }, line.unit.text(value))
        }
        _ => String::new(),
    };
    let detail = if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
    [
        line.what.clone(),
        bound(line.target.map(|target| target.goal)),
        bound(line.target.map(|target| target.least)),
        format!("{}{detail}", line.unit.text(line.measured)),
        match line.verdict {
            Some(Verdict::Goal) => "goal",
            Some(Verdict::Least) => "least",
            Some(Verdict::Missed) => "no",
            None => "",
        }
        .to_owned(),
    ]
}
