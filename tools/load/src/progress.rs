//! The progress bar on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::recorder::Recorder;

const REDRAW: Duration = Duration::from_millis(250);

/// Owns the task that draws the bar.
pub struct Progress {
    task: JoinHandle<()>,
    bar: ProgressBar,
}

impl Progress {
    /// Draws the bar from now until the end. It is invisible unless stderr is a terminal.
    pub fn start(recorder: Recorder, start: Instant, end: Instant) -> Self {
        let bar = ProgressBar::new(u64::try_from((end - start).as_millis()).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
            bar.set_style(style);
        }
        let task = tokio::spawn({
            let bar = bar.clone();
            async move {
                let (mut before, mut then) = (0, start);
                loop {
                    sleep(REDRAW).await;
                    let (answered, p99) = recorder.so_far();
                    let now = Instant::now();
                    #[expect(clippy::cast_precision_loss, reason = "for people")]
                    let (rate, p99) = (
                        (answered - before) as f64 / (now - then).as_secs_f64(),
                        Duration::from_micros(p99).as_secs_f64() * 1_000.0,
                    );
                    (before, then) = (answered, now);
                    bar.set_position(u64::try_from((now - start).as_millis()).unwrap_or(u64::MAX));
                    bar.set_message(format!("{answered} answers · {rate:.0}/s · p99 {p99:.1} ms"));
                }
            }
        });
        Self { task, bar }
    }

    /// Removes the bar.
    pub async fn finish(self) {
        self.task.abort();
        let _ = self.task.await;
        self.bar.finish_and_clear();
    }
}
