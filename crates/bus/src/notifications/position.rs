//! Where a subscriber starts to read, and where it goes on after a lost connection.

use amqprs::FieldValue;
use runtime::time_span;

use crate::delivery::Delivery;
use crate::session::text;

/// Clocks of this machine and of the broker may differ by so many seconds.
const CLOCK_DIFFERENCE: u64 = 60;

/// Where a subscriber starts to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// What comes from now on.
    Next,
    /// The oldest message that is kept.
    First,
    /// What came in the last so many seconds.
    Ago(u64),
}

/// Why a text names no start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a place to start (allowed: next, first, or a time back such as 90s, 30m, 1h, 2d)")]
pub struct NotAStart(String);

impl std::str::FromStr for StartAt {
    type Err = NotAStart;

    fn from_str(text: &str) -> Result<Self, NotAStart> {
        match text {
            "next" => Ok(Self::Next),
            "first" => Ok(Self::First),
            _ => time_span::seconds(text).map(Self::Ago).ok_or_else(|| NotAStart(text.to_owned())),
        }
    }
}

/// The place of one subscriber in the stream.
pub(super) struct Position {
    start: StartAt,
    /// What came from this second of Unix time on must be shown.
    since: Option<u64>,
    last_shown: Option<Shown>,
}

struct Shown {
    offset: i64,
    message_id: Option<String>,
}

/// How a message relates to the last one that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It comes behind it.
    New,
    /// It is the same one.
    Again,
    /// It is another one at the same place: the queue was deleted and declared anew.
    AnotherStream,
}

impl Position {
    pub(super) fn new(start: StartAt) -> Self {
        Self { start, since: None, last_shown: None }
    }

    /// The value of `x-stream-offset` (RabbitMQ's stream queues) with which to read on.
    pub(super) fn offset(&mut self) -> FieldValue {
        match (&self.last_shown, self.since, &self.start) {
            // Seen again, the last message proves that it is still the same stream.
            (Some(shown), _, _) => FieldValue::l(shown.offset),
            // Whoever has shown nothing yet must not miss what came while the connection was lost.
            (None, Some(since), _) => FieldValue::T(since.saturating_sub(CLOCK_DIFFERENCE)),
            (None, None, StartAt::First) => text("first"),
            (None, None, StartAt::Next) => {
                self.since = Some(unix_seconds());
                text("next")
            }
            (None, None, StartAt::Ago(seconds)) => {
                let since = unix_seconds().saturating_sub(*seconds);
                self.since = Some(since);
                FieldValue::T(since)
            }
        }
    }

    /// Whether reading starts behind all messages that are there.
    pub(super) fn starts_behind_all(&self) -> bool {
        self.start == StartAt::Next && self.since.is_none()
    }

    /// Whether there is a message behind which to go on.
    pub(super) fn has_shown(&self) -> bool {
        self.last_shown.is_some()
    }

    pub(super) fn meet(&self, delivery: &Delivery) -> Met {
        match &self.last_shown {
            Some(shown) if delivery.stream_offset() == Some(shown.offset) => {
                if delivery.message_id() == shown.message_id.as_deref() {
                    Met::Again
                } else {
                    Met::AnotherStream
                }
            }
            _ => Met::New,
        }
    }

    /// Notes that everything up to this message needs no showing (any more).
    pub(super) fn set_shown(&mut self, delivery: &Delivery) {
        if let Some(offset) = delivery.stream_offset() {
            let message_id = delivery.message_id().map(str::to_owned);
            self.last_shown = Some(Shown { offset, message_id });
            self.since = Some(unix_seconds());
        }
    }

    /// The stream is another one now: its places mean nothing any more, only the time does. What is read twice by it has the
    /// same message id.
    pub(super) fn forget_stream(&mut self) {
        self.last_shown = None;
    }
}

#[expect(clippy::disallowed_methods, reason = "the broker finds the place in the stream by its own clock")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_on_by_time_allows_for_a_clock_that_differs() {
        let mut position = Position::new(StartAt::Ago(100));
        let (FieldValue::T(start), FieldValue::T(later)) = (position.offset(), position.offset()) else {
            panic!("no times");
        };
        assert_eq!(start - later, CLOCK_DIFFERENCE);
    }

    #[test]
    fn places_to_start() {
        for (text, start) in [
            ("next", StartAt::Next),
            ("first", StartAt::First),
            ("90s", StartAt::Ago(90)),
            ("1h", StartAt::Ago(3_600)),
            ("2d", StartAt::Ago(172_800)),
        ] {
            assert_eq!(text.parse(), Ok(start));
        }
        for text in ["", "h", "1", "0s", "-1h", "1w", "1é", "99999999999999999999d"] {
            assert_eq!(text.parse::<StartAt>(), Err(NotAStart(text.to_owned())));
        }
    }
}
