//! Walking through the queue and taking messages out of it: with or without sending them somewhere first.

use bus::dead_letters::{DeadLetter, DeadLettersError, NotReplayed, Pass, Replay};
use runtime::config::Rabbitmq;
use runtime::{Exit, Shutdown};

use super::progress::Progress;
use super::selection::{Selection, not_there};
use super::{failed, view};
use crate::NAME;
use crate::view::console::Console;

/// Messages that are sent together.
const BATCH: usize = 100;

/// What becomes of a message before it is removed.
pub enum Fate {
    /// It is published to where it came from, and confirmed.
    Replayed(Box<Replay>),
    /// Nothing.
    Dropped,
}

#[derive(Default)]
struct Tally {
    done: u64,
    not_done: u64,
    interrupted: bool,
    lost: Option<String>,
}

/// Takes what is selected; a first Ctrl-C ends it between two batches.
pub async fn take(settings: &Rabbitmq, mut selection: Selection, mut fate: Fate) -> Result<(), Exit> {
    let shutdown = Shutdown::on_signals().map_err(|why| Exit::Failed(format!("{NAME}: {why}")))?;
    let mut pass = Pass::begin(settings).await.map_err(|why| failed(&why))?;
    let mut progress = Progress::over(pass.total(), fate.doing());
    let mut tally = Tally::default();
    let walked = walk(&mut pass, &mut selection, &mut fate, &mut progress, &mut tally, &shutdown).await;
    progress.finish().await;
    let (word, ended) = (fate.word(), pass.end().await);
    if let Fate::Replayed(replay) = fate {
        replay.end().await;
    }
    let left = walked.and(ended).map_err(|why| with_tally(failed(&why), word, &tally))?;
    report(word, &tally, left, &selection)
}

async fn walk(
    pass: &mut Pass,
    selection: &mut Selection,
    fate: &mut Fate,
    progress: &mut Progress,
    tally: &mut Tally,
    shutdown: &Shutdown,
) -> Result<(), DeadLettersError> {
    let mut batch = Vec::new();
    loop {
        tally.interrupted = shutdown.has_begun() && !selection.is_complete();
        let next = if selection.is_complete() || tally.interrupted { None } else { pass.next().await? };
        let is_last = next.is_none();
        if let Some(letter) = next {
            progress.step();
            if selection.takes(&letter) {
                batch.push(letter);
            }
        }
        if batch.len() >= BATCH || is_last {
            settle(pass, std::mem::take(&mut batch), fate, progress, tally).await?;
            progress.flush().await;
        }
        if is_last || tally.lost.is_some() {
            return Ok(());
        }
    }
}

/// Sends a batch and removes what arrived.
async fn settle(
    pass: &mut Pass,
    batch: Vec<DeadLetter>,
    fate: &mut Fate,
    progress: &mut Progress,
    tally: &mut Tally,
) -> Result<(), DeadLettersError> {
    let outcomes = match fate {
        Fate::Replayed(replay) => replay.send(&batch).await,
        Fate::Dropped => batch.iter().map(|_| Ok(())).collect(),
    };
    for (letter, outcome) in batch.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                pass.remove(letter).await?;
                tally.done += 1;
                progress.done(&fate.line(letter)).await;
            }
            Err(NotReplayed::Lost(why)) => tally.lost = Some(why),
            Err(why) => {
                tally.not_done += 1;
                progress.failed(&format!("not replayed: {}: {why}. {}", letter.id, advice(&why, letter)));
            }
        }
    }
    Ok(())
}

fn advice(why: &NotReplayed, letter: &DeadLetter) -> String {
    match why {
        NotReplayed::NoOrigin => format!(
            "`dlq show {0}` shows what is known; `dlq export` keeps a copy, `dlq drop {0}` removes it",
            letter.id
        ),
        NotReplayed::Unroutable { .. } => {
            "Start the service that reads there (it declares its queue), then replay again".to_owned()
        }
        NotReplayed::ExchangeRefused { .. } => {
            "Declare the exchange or grant the user its rights, then replay again".to_owned()
        }
        NotReplayed::Rejected | NotReplayed::Lost(_) => "Try again when RabbitMQ is well".to_owned(),
    }
}

fn report(word: &str, tally: &Tally, left: u32, selection: &Selection) -> Result<(), Exit> {
    let Tally { done, not_done, .. } = tally;
    let summary = format!("{done} {word}, {left} left among the dead letters");
    if let Some(why) = &tally.lost {
        return Err(Exit::Failed(format!(
            "{NAME}: {why}. Nothing is lost: {summary}; a few of these may have arrived, which does no harm. Try again when RabbitMQ is well."
        )));
    }
    if tally.interrupted {
        return Err(Exit::Failed(format!(
            "{NAME}: interrupted. Nothing is lost: {summary}. Run it again to go on."
        )));
    }
    let missing = selection.missing();
    if *not_done > 0 || !missing.is_empty() {
        let why = if missing.is_empty() {
            format!("{not_done} could not be {word}, see above")
        } else {
            not_there(&missing)
        };
        return Err(Exit::Failed(format!("{NAME}: {summary}; {why}")));
    }
    Console::new().done(&summary);
    Ok(())
}

fn with_tally(exit: Exit, word: &str, tally: &Tally) -> Exit {
    match exit {
        Exit::Failed(text) => Exit::Failed(format!("{text} Until then: {} {word}.", tally.done)),
        other => other,
    }
}

impl Fate {
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

    fn line(&self, letter: &DeadLetter) -> String {
        let order = view::order(letter).map(|order| format!("  {order}")).unwrap_or_default();
        let place = match (self, &letter.origin) {
            (Self::Replayed(_), Some(origin)) => format!("  to {}", view::place(origin)),
            _ => String::new(),
        };
        format!("{} {}{order}{place}", self.word(), letter.id)
    }
}
