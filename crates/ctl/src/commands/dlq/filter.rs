//! Selects dead letters by their properties.

use bus::dead_letters::DeadLetter;
use domain::OrderNumber;
use runtime::time_span;

use super::view::age_seconds;

/// Conditions that a dead letter must all meet. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A part of the reason, in lower case.
    reason: Option<String>,
    order: Option<OrderNumber>,
    /// Seconds. A message without a time does not match.
    older_than: Option<u64>,
    /// Leaves out what was refused for its sender, unless a reason is asked for.
    leaves_untrusted: bool,
}

impl Filter {
    pub fn new(reason: Option<&str>, order: Option<OrderNumber>, older_than: Option<u64>) -> Self {
        Self { reason: reason.map(str::to_lowercase), order, older_than, leaves_untrusted: false }
    }

    /// For who sends messages on, and so vouches for them.
    pub fn of_trusted(self) -> Self {
        Self { leaves_untrusted: true, ..self }
    }

    pub fn is_empty(&self) -> bool {
        self.reason.is_none() && self.order.is_none() && self.older_than.is_none()
    }

    /// Whether the dead letter meets all conditions. `now` is in seconds since 1970.
    pub fn matches(&self, letter: &DeadLetter, now: u64) -> bool {
        let reason =
            |part: &String| letter.reason.as_ref().is_some_and(|reason| reason.to_lowercase().contains(part));
        let is_left = self.leaves_untrusted && self.reason.is_none() && letter.is_untrusted();
        !is_left
            && self.reason.as_ref().is_none_or(reason)
            && self.older_than.is_none_or(|limit| age_seconds(letter, now).is_some_and(|age| age > limit))
            && self.order.is_none_or(|order| letter.order_number == Some(order))
    }
}

/// Parses the value of `--older-than` into seconds.
pub fn parse_time_span(text: &str) -> Result<u64, String> {
    time_span::seconds(text)
        .ok_or_else(|| format!("'{text}' is not a span of time (such as 90s, 30m, 1h, 2d)"))
}

/// Parses the value of `--order`.
pub fn parse_order(text: &str) -> Result<OrderNumber, String> {
    text.parse().map_err(|why| format!("'{text}' {why}"))
}

/// Parses the value of `--reason`. An empty text, such as a script's unset variable, would match
/// all, so it is refused.
pub fn parse_reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a part of the reason is missing; name one, or leave --reason out".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses the value of `--limit`.
pub fn parse_limit(text: &str) -> Result<u64, String> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| format!("'{text}' is not a number of messages (from 1)"))
}
