//! How far a long command is: a bar on a terminal, otherwise a line for each message.

use std::io::{IsTerminal, Stdout, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;

/// From so many messages on, a bar says more than lines.
const MANY: u32 = 50;

/// What has been done so far, for whoever watches.
pub struct Progress {
    /// Counts the messages that were looked at.
    bar: Option<ProgressBar>,
    lines: Output<Stdout>,
}

impl Progress {
    /// For a walk over `total` messages; a program that reads `json` wants every line.
    pub fn over(total: u32, doing: &'static str, json: bool) -> Self {
        let has_bar = !json && total >= MANY && stdout().is_terminal() && stderr().is_terminal();
        let bar = has_bar.then(|| {
            let bar = ProgressBar::new(u64::from(total)).with_message(doing);
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left");
            // Only a template with a mistake in it has none.
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, lines: Output::to(stdout()) }
    }

    /// One more message was looked at.
    pub fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// One message is done with.
    pub async fn done(&mut self, line: &str) {
        if self.bar.is_none() {
            // If nobody reads any more, the work goes on all the same.
            let _ = self.lines.line(line).await;
        }
    }

    /// One message could not be done with.
    pub fn failed(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Everything before this is on the screen.
    pub async fn flush(&mut self) {
        let _ = self.lines.flush().await;
    }

    /// Nothing more comes.
    pub async fn finish(mut self) {
        self.flush().await;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
