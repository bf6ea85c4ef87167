//! Shows the progress of a long command: a bar on a terminal, otherwise one line per message.

use std::io::{IsTerminal, Stdout, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;

/// The number of messages from which on a bar is shown.
const MANY: u32 = 50;

/// The progress of a command.
pub struct Progress {
    /// Counts the processed messages.
    bar: Option<ProgressBar>,
    lines: Output<Stdout>,
}

impl Progress {
    /// The progress over `total` messages. With `json` every line is printed.
    pub fn over(total: u32, doing: &'static str, json: bool) -> Self {
        let has_bar = !json && total >= MANY && stdout().is_terminal() && stderr().is_terminal();
        let bar = has_bar.then(|| {
            let bar = ProgressBar::new(u64::from(total)).with_message(doing);
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left");
            // Only a faulty template returns none.
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, lines: Output::to(stdout()) }
    }

    /// Records that one more message was processed.
    pub fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Records that a message was handled.
    pub async fn done(&mut self, line: &str) {
        if self.bar.is_none() {
            // Without a reader the work goes on nevertheless.
            let _ = self.lines.line(line).await;
        }
    }

    /// Records that a message could not be handled.
    pub fn failed(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Prints everything so far.
    pub async fn flush(&mut self) {
        let _ = self.lines.flush().await;
    }

    /// Prints the rest and ends.
    pub async fn finish(mut self) {
        self.flush().await;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
