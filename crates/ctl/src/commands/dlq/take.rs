//! Walks through the queue and removes messages, with or without publishing them first.

use bus::dead_letters::{DeadLetter, DeadLettersError, Pass, Replay, ReplayError};
use config::Rabbitmq;
use runtime::signals::StopSignals;
use runtime::{Exit, Shutdown};

use super::progress::Progress;
use super::report::Report;
use super::selection::Selection;
use super::{CONNECTION, failed};

/// The largest number of messages that are published together.
const BATCH: usize = 100;
/// A batch whose bodies reach this size together, in bytes, gets no further message.
const BATCH_BYTES: usize = 4 << 20;

/// What happens to a message before it is removed.
pub enum Disposal {
    /// It is published to its original exchange, and confirmed.
    Replayed(Box<Replay>),
    /// Nothing.
    Dropped,
}

/// Handles the selected messages. A first Ctrl-C ends the command between two batches.
pub async fn take(
    settings: &Rabbitmq,
    mut selection: Selection,
    mut disposal: Disposal,
    json: bool,
    signals: &StopSignals,
) -> Result<(), Exit> {
    let mut pass = Pass::begin(settings, CONNECTION).await.map_err(|why| failed(&why))?;
    // Nothing has been removed yet, so until here a signal may end the command at once.
    let shutdown = signals.shutdown();
    let progress = Progress::over(pass.total(), disposal.doing(), json);
    let mut report = Report::new(disposal.word(), json, progress);
    let walked = walk(&mut pass, &mut selection, &mut disposal, &mut report, &shutdown).await;
    report.flush().await;
    let ended = pass.end().await;
    if let Disposal::Replayed(replay) = disposal {
        replay.end().await;
    }
    match walked.and(ended) {
        Ok(left) => report.end(left, &selection).await,
        Err(why) => match failed(&why) {
            Exit::Failed(text) => Err(Exit::Failed(format!("{text} {}", report.so_far()))),
            other => Err(other),
        },
    }
}

async fn walk(
    pass: &mut Pass,
    selection: &mut Selection,
    disposal: &mut Disposal,
    report: &mut Report,
    shutdown: &Shutdown,
) -> Result<(), DeadLettersError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    loop {
        let is_interrupted = shutdown.has_begun() && !selection.is_complete();
        if is_interrupted {
            report.interrupted();
        }
        let next = if selection.is_complete() || is_interrupted { None } else { pass.next().await? };
        let is_last = next.is_none();
        if let Some(letter) = next {
            report.step();
            if selection.takes(&letter) {
                bytes += letter.body.len();
                batch.push(letter);
            }
        }
        if batch.len() >= BATCH || bytes >= BATCH_BYTES || is_last {
            bytes = 0;
            settle(pass, std::mem::take(&mut batch), disposal, report).await?;
            report.flush().await;
        }
        if is_last || report.is_lost() {
            return Ok(());
        }
    }
}

/// Publishes a batch, and removes the messages that arrived.
async fn settle(
    pass: &mut Pass,
    mut batch: Vec<DeadLetter>,
    disposal: &mut Disposal,
    report: &mut Report,
) -> Result<(), DeadLettersError> {
    let outcomes = match disposal {
        Disposal::Replayed(replay) => replay.send(&mut batch).await,
        Disposal::Dropped => batch.iter().map(|_| Ok(())).collect(),
    };
    for (letter, outcome) in batch.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                pass.remove(letter).await?;
                report.done(letter).await;
            }
            Err(ReplayError::Lost(why)) => report.lost(why),
            Err(why) => report.not_done(letter, &why).await,
        }
    }
    Ok(())
}

impl Disposal {
    fn doing(&self) -> &'static str {
        match self {
            Self::Replayed(_) => "replaying",
            Self::Dropped => "dropping",
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Replayed(_) => "replayed",
            Self::Dropped => "dropped",
        }
    }
}
