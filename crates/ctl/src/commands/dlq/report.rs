//! Reports on messages that were removed: a line for each, and the counts at the end; as text or as
//! JSON.

use bus::dead_letters::{DeadLetter, ReplayError};
use runtime::{Console, Exit};
use serde_json::{Map, Value, json};

use super::progress::Progress;
use super::selection::{Selection, not_there};
use super::view;

/// Prints the report, and counts.
pub struct Report {
    /// The word for a handled message, such as "replayed".
    word: &'static str,
    json: bool,
    progress: Progress,
    done: u64,
    not_done: u64,
    /// The reason for which the work was aborted.
    lost: Option<String>,
    interrupted: bool,
}

impl Report {
    /// An empty report.
    pub fn new(word: &'static str, json: bool, progress: Progress) -> Self {
        Self { word, json, progress, done: 0, not_done: 0, lost: None, interrupted: false }
    }

    /// Records that one more message was processed.
    pub fn step(&self) {
        self.progress.step();
    }

    /// Records that a message was handled.
    pub async fn done(&mut self, letter: &DeadLetter) {
        self.done += 1;
        let line = if self.json {
            view::json_line(Self::object(letter, self.word))
        } else {
            let order = view::order(letter).map(|order| format!("  {order}")).unwrap_or_default();
            let place = letter.origin.as_ref().filter(|_| self.word == "replayed");
            let place = place.map(|origin| format!("  to {}", view::place(origin))).unwrap_or_default();
            format!("{} {}{order}{place}", self.word, letter.id)
        };
        self.progress.done(&line).await;
    }

    /// Records that a message stays in the queue.
    pub async fn not_done(&mut self, letter: &DeadLetter, why: &ReplayError) {
        self.not_done += 1;
        let advice = advice(why, letter);
        if self.json {
            let mut object = Self::object(letter, &format!("not_{}", self.word));
            object.insert("error".to_owned(), why.to_string().into());
            object.insert("advice".to_owned(), advice.into());
            self.progress.done(&view::json_line(object)).await;
        } else {
            self.progress.failed(&format!("not {}: {}: {why}. {advice}", self.word, letter.id));
        }
    }

    /// Records that the broker is gone, so that nothing more is attempted.
    pub fn lost(&mut self, why: String) {
        self.lost = Some(why);
    }

    /// Whether nothing more can be done.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Records that the user interrupted the command.
    pub fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Prints everything so far.
    pub async fn flush(&mut self) {
        self.progress.flush().await;
    }

    /// The number of messages handled so far, as a sentence.
    pub fn so_far(&self) -> String {
        format!("Until then: {} {}.", self.done, self.word)
    }

    /// Prints the counts. `left` messages remain in the queue.
    pub async fn end(mut self, left: u32, selection: &Selection) -> Result<(), Exit> {
        let missing = selection.missing();
        if self.json {
            let counts = json!({
                self.word: self.done, format!("not_{}", self.word): self.not_done, "left": left, "not_found": missing,
            });
            self.progress.done(&counts.to_string()).await;
        }
        self.progress.finish().await;
        let summary = format!("{} {}, {left} left among the dead letters", self.done, self.word);
        let why = if let Some(why) = self.lost {
            format!(
                "{why}. Nothing is lost: {summary}; a few of these may have arrived, which does no harm. Try again when RabbitMQ is well."
            )
        } else if self.interrupted {
            format!("interrupted. Nothing is lost: {summary}. Run it again to go on.")
        } else if !missing.is_empty() {
            format!("{summary}; {}", not_there(&missing))
        } else if self.not_done > 0 {
            format!("{summary}; {} could not be {}, see above", self.not_done, self.word)
        } else {
            if !self.json {
                Console::new().done(&summary);
            }
            return Ok(());
        };
        Err(Exit::Failed(why))
    }

    fn object(letter: &DeadLetter, outcome: &str) -> Map<String, Value> {
        let origin = letter.origin.as_ref();
        let fields = [
            ("id", json!(letter.id.to_string())),
            ("outcome", json!(outcome)),
            ("order_number", json!(letter.order_number)),
            ("origin", json!(origin.map(view::origin))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn advice(why: &ReplayError, letter: &DeadLetter) -> String {
    match why {
        ReplayError::NoOrigin => format!(
            "`dlq show {0}` shows what is known; `dlq export` keeps a copy, `dlq drop {0}` removes it",
            letter.id
        ),
        ReplayError::Unroutable { .. } => {
            "Start the service that reads there (it declares its queue), then replay again".to_owned()
        }
        ReplayError::ExchangeRefused { .. } => {
            "Declare the exchange or grant the user its rights, then replay again".to_owned()
        }
        ReplayError::Rejected | ReplayError::Lost(_) => "Try again when RabbitMQ is well".to_owned(),
    }
}
