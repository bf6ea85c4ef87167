//! Selects the dead letters that a command handles: by id, or by a filter.

use std::collections::HashSet;

use bus::dead_letters::{DeadLetter, Id};
use runtime::Exit;

use super::filter::Filter;

/// The messages that are still to be handled.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only these ids, each once.
    ids: Option<HashSet<Id>>,
    filter: Filter,
    left: u64,
    now: u64,
}

impl Selection {
    /// All that match the filter, `limit` at most. `now` is in seconds since 1970.
    pub fn of_filter(filter: Filter, limit: Option<u64>, now: u64) -> Self {
        Self { ids: None, filter, left: limit.unwrap_or(u64::MAX), now }
    }

    /// The messages with these ids.
    pub fn of_ids(ids: HashSet<Id>) -> Self {
        Self { ids: Some(ids), filter: Filter::default(), left: u64::MAX, now: 0 }
    }

    /// The selection that the command line describes. It must describe exactly one, so that nothing
    /// is handled by mistake.
    pub fn of_words(
        command: &str,
        ids: &[String],
        all: bool,
        filter: Filter,
        limit: Option<u64>,
        now: u64,
    ) -> Result<Self, Exit> {
        let usage = |text: String| Exit::Usage(format!("dlq {command}: {text}"));
        match (ids.is_empty(), all, filter.is_empty()) {
            (true, true, true) | (true, false, false) => Ok(Self::of_filter(filter, limit, now)),
            (false, false, true) if limit.is_none() => {
                let parse = |text: &String| text.parse().map_err(|why| usage(format!("'{text}' {why}")));
                Ok(Self::of_ids(ids.iter().map(parse).collect::<Result<_, _>>()?))
            }
            (true, false, true) => Err(usage(
                "which ones? Name their ids (`restaurant-ctl dlq list` shows them), a filter (--reason, --order, --older-than), or --all"
                    .to_owned(),
            )),
            _ => Err(usage("ids, filters and --all exclude each other; say one of them".to_owned())),
        }
    }

    /// Whether this message is selected. A selected message counts towards the limit.
    pub fn takes(&mut self, letter: &DeadLetter) -> bool {
        let is_meant = match &mut self.ids {
            Some(ids) => ids.remove(&letter.id),
            None => self.left > 0 && self.filter.matches(letter, self.now),
        };
        self.left -= u64::from(is_meant);
        is_meant
    }

    /// Whether nothing more can match.
    pub fn is_complete(&self) -> bool {
        self.left == 0 || self.ids.as_ref().is_some_and(HashSet::is_empty)
    }

    /// The ids that no message had.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<_> = self.ids.iter().flatten().map(ToString::to_string).collect();
        missing.sort();
        missing
    }
}

/// The error for ids that no message has.
pub fn not_there(missing: &[String]) -> String {
    format!(
        "no dead letter has the id {} (any more); `restaurant-ctl dlq list` shows what is there",
        missing.join(", ")
    )
}
