//! The results: a table, JSON, and a page.

mod page;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;
use serde::Serialize;

use crate::figures::{Target, Verdict};
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
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("results.json"), serde_json::to_string_pretty(self)? + "\n")?;
        let html = folder.join("results.html");
        fs::write(&html, page::of(self))?;
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

/// Which bound of its target a line reaches.
fn reached(line: &ResultLine) -> &'static str {
    match line.verdict {
        Some(Verdict::Goal) => "goal",
        Some(Verdict::Least) => "least",
        Some(Verdict::Missed) => "no",
        None => "",
    }
}

/// The cells of a table line.
fn cells(line: &ResultLine) -> [String; 5] {
    let bound = |value: fn(Target) -> f64| {
        let sign = |target: Target| if target.at_most { "≤" } else { "≥" };
        let text = |target| format!("{} {}", sign(target), line.unit.text(value(target)));
        line.target.map_or_else(String::new, text)
    };
    let detail = if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
    [
        line.what.clone(),
        bound(|target| target.goal),
        bound(|target| target.least),
        format!("{}{detail}", line.unit.text(line.measured)),
        reached(line).to_owned(),
    ]
}
