//! The outcome of a drill: what was broken while orders were placed, and what that cost.
//!
//! A drill is a test that breaks a whole part of the system, as an operator would practise it.
//! `cargo xtask drill` runs the drills one by one and prints a table of their outcomes.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use tokio::time::Instant;

/// The variable that names the file to which drills append their outcomes. `cargo xtask drill` sets
/// it, and prints the head of the table.
pub const TABLE_VARIABLE: &str = "DRILL_TABLE";

/// The outcome of a drill, a row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The drill, by its name in `cargo xtask drill`.
    pub drill: &'static str,
    /// What was broken, as the end of a sentence: "each of three nodes of RabbitMQ was killed".
    pub broken: String,
    /// Orders that were placed, however they were answered.
    pub placed: usize,
    /// Orders that were answered 200.
    pub acknowledged: usize,
    /// Orders that were answered 200 and were not cooked.
    pub lost: usize,
    /// Orders that were cooked twice, or although their client was told that they would not be.
    pub doubled: usize,
    /// The longest time in which no order was accepted.
    pub without_service: Duration,
}

impl Outcome {
    /// Prints it, also to the file of `cargo xtask drill`.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn report(&self) {
        println!("{self}");
        if let Some(table) = std::env::var_os(TABLE_VARIABLE) {
            let mut table = OpenOptions::new().append(true).create(true).open(table).expect("a file");
            writeln!(table, "{self}").expect("a file that takes a line");
        }
    }
}

impl fmt::Display for Outcome {
    /// A row of the table, in Markdown: broken, placed, acknowledged, lost, doubled, seconds
    /// without service, command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} | {} | {:.1} | `cargo xtask drill {}` |",
            self.broken,
            self.placed,
            self.acknowledged,
            self.lost,
            self.doubled,
            self.without_service.as_secs_f64(),
            self.drill,
        )
    }
}

/// The longest time between two of these moments, in any order. Zero for fewer than two.
pub fn longest_gap(moments: impl IntoIterator<Item = Instant>) -> Duration {
    let mut moments: Vec<Instant> = moments.into_iter().collect();
    moments.sort_unstable();
    let gaps = moments.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    gaps.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_columns_as_the_head() {
        let outcome = Outcome {
            drill: "promotion",
            broken: "the primary was killed, its standby promoted".to_owned(),
            placed: 1_204,
            acknowledged: 1_199,
            lost: 0,
            doubled: 0,
            without_service: Duration::from_millis(3_240),
        };
        assert_eq!(
            outcome.to_string(),
            "| the primary was killed, its standby promoted | 1204 | 1199 | 0 | 0 | 3.2 | `cargo xtask drill promotion` |"
        );
    }

    #[test]
    fn the_longest_gap_is_found_in_any_order() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(longest_gap([at(700), at(0), at(100), at(650)]), Duration::from_millis(550));
        assert_eq!(longest_gap([at(5)]), Duration::ZERO);
    }
}
