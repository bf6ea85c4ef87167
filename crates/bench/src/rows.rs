//! The rows: each measures one promise of the table, beside its baseline.

mod intake;

use std::time::Duration;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::outcome::Outcome;

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of baseline and ours.
    pub rounds: usize,
    /// Less of everything, for a first impression.
    pub quick: bool,
}

impl Effort {
    /// How long one load runs before it is measured.
    pub fn warmup(self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 3 })
    }

    /// How long one load is measured.
    pub fn duration(self) -> Duration {
        Duration::from_secs(if self.quick { 4 } else { 10 })
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Placing orders at 64 connections.
    Intake,
}

impl Row {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 1] = [Self::Intake];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
        }
    }

    /// What it is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Intake => "Placing orders, 64 connections, one order service",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// A server or program failed, or the system broke a promise while it was measured.
    pub async fn measure(self, cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
        match self {
            Self::Intake => Box::pin(intake::measure(cluster, effort)).await,
        }
    }
}

/// Says on stderr what is being done, for who waits.
fn say(text: &str) {
    eprintln!("    {text}");
}
