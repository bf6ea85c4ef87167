//! The start position of a subscriber, and where it resumes after a reconnect.

use amqprs::FieldValue;
use domain::timestamp::Timestamp;
use runtime::time_span;

use crate::delivery::Delivery;
use crate::headers::text;

/// How far the clocks of this machine and of the broker may differ, in seconds.
const CLOCK_DIFFERENCE: u64 = 60;

/// Where a subscriber starts to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// New messages only.
    Next,
    /// The oldest message in the stream.
    First,
    /// The messages of the last so many seconds.
    Ago(u64),
}

/// The text is not a start position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a place to start (allowed: next, first, or a time back such as 90s, 30m, 1h, 2d)")]
pub struct ParseStartAtError(String);

impl std::str::FromStr for StartAt {
    type Err = ParseStartAtError;

    fn from_str(text: &str) -> Result<Self, ParseStartAtError> {
        match text {
            "next" => Ok(Self::Next),
            "first" => Ok(Self::First),
            _ => time_span::seconds(text).map(Self::Ago).ok_or_else(|| ParseStartAtError(text.to_owned())),
        }
    }
}

/// The position of one subscriber in the stream.
pub(super) struct Position {
    start: StartAt,
    /// Messages from this second of Unix time on must be shown.
    since: Option<u64>,
    last_shown: Option<Shown>,
    /// The last message that arrived since the last shown one, over all connections.
    last_arrival: Option<LastArrival>,
}

struct Shown {
    offset: i64,
    message_id: Option<String>,
    /// Its timestamp, or that of the last message before it that had one.
    sent: Option<Timestamp>,
}

/// Up to this offset nothing is missing.
#[derive(Clone, Copy)]
struct LastArrival {
    offset: i64,
    /// Reading was restarted at this offset.
    was_asked_for: bool,
}

/// Offsets from which no message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    first: i64,
    last: i64,
    /// The stream was asked for these offsets and did not have them. Otherwise they may never have
    /// held a message: RabbitMQ uses one offset itself when it begins a segment.
    pub(super) is_certain: bool,
}

/// Messages that the stream has dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most {} status updates, from offset {first} to {last}, were removed from the stream before they were read", self.count())]
pub(super) struct Missed {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Missed {
    /// The number of messages at most, because RabbitMQ uses some offsets itself.
    pub(super) fn count(&self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

impl Gap {
    /// The part that the stream has dropped, if `kept_from` is the offset of its oldest message.
    pub(super) fn missed(self, kept_from: Option<i64>) -> Option<Missed> {
        let last = match kept_from {
            Some(oldest) if !self.is_certain => self.last.min(oldest.saturating_sub(1)),
            _ => self.last,
        };
        (last >= self.first).then_some(Missed { first: self.first, last })
    }
}

/// How a message relates to the last shown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It comes after it, perhaps with a gap.
    New(Option<Gap>),
    /// It is the same message.
    Repeat,
    /// It is another message at the same offset: the queue was deleted and declared again.
    OtherStream,
}

impl Position {
    pub(super) fn new(start: StartAt) -> Self {
        Self { start, since: None, last_shown: None, last_arrival: None }
    }

    /// The value of `x-stream-offset` (RabbitMQ's stream queues) at which reading resumes.
    pub(super) fn offset(&mut self) -> FieldValue {
        self.last_arrival =
            self.last_shown.as_ref().map(|shown| LastArrival { offset: shown.offset, was_asked_for: true });
        match (&self.last_shown, self.since, &self.start) {
            // When the last message arrives again, it proves that the stream is still the same.
            (Some(shown), _, _) => FieldValue::l(shown.offset),
            // Nothing was shown yet. Messages that came while the connection was lost must not be
            // missed.
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

    /// Whether reading starts behind all existing messages.
    pub(super) fn starts_behind_all(&self) -> bool {
        self.start == StartAt::Next && self.since.is_none()
    }

    /// Whether reading resumes behind a shown message.
    pub(super) fn has_shown(&self) -> bool {
        self.last_shown.is_some()
    }

    /// The timestamp of the last shown message, as far as it is known.
    pub(super) fn last_sent(&self) -> Option<Timestamp> {
        self.last_shown.as_ref()?.sent
    }

    pub(super) fn arrive(&mut self, delivery: &Delivery) -> Arrival {
        let Some(offset) = delivery.stream_offset() else { return Arrival::New(None) };
        let before = self.last_arrival.replace(LastArrival { offset, was_asked_for: false });
        match (&self.last_shown, before) {
            (Some(shown), _) if shown.offset == offset => {
                if delivery.message_id() == shown.message_id.as_deref() {
                    Arrival::Repeat
                } else {
                    Arrival::OtherStream
                }
            }
            (_, Some(LastArrival { offset: before, was_asked_for })) => {
                Arrival::New(gap(before, offset, was_asked_for))
            }
            (_, None) => Arrival::New(None),
        }
    }

    /// Records that all messages up to this one are done.
    pub(super) fn set_shown(&mut self, delivery: &Delivery) {
        if let Some(offset) = delivery.stream_offset() {
            let message_id = delivery.message_id().map(str::to_owned);
            let sent = delivery.sent().or_else(|| self.last_sent());
            self.last_shown = Some(Shown { offset, message_id, sent });
            self.since = Some(unix_seconds());
        }
    }

    /// Forgets the offsets, because the stream was replaced. Only the time still counts. A message
    /// that is read twice keeps its message id.
    pub(super) fn forget_stream(&mut self) {
        (self.last_shown, self.last_arrival) = (None, None);
    }
}

/// The offsets between two messages, unless it is only the offset of a new segment.
fn gap(before: i64, offset: i64, is_certain: bool) -> Option<Gap> {
    let (first, last) = (before.saturating_add(1), offset.saturating_sub(1));
    let places = last.saturating_sub(first).saturating_add(1);
    (places > i64::from(!is_certain)).then_some(Gap { first, last, is_certain })
}

#[expect(clippy::disallowed_methods, reason = "the broker finds the place in the stream by its own clock")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_gap_after_a_resume_is_certain_and_another_may_be_the_brokers_own_place() {
        assert_eq!(gap(7, 8, true), None);
        assert_eq!(gap(7, 9, true), Some(Gap { first: 8, last: 8, is_certain: true }));
        assert_eq!(gap(7, 9, false), None, "a new segment");
        assert_eq!(gap(7, 10, false), Some(Gap { first: 8, last: 9, is_certain: false }));
        assert_eq!(gap(7, 7, false), None);
        assert_eq!(gap(7, 3, false), None);
        assert_eq!(gap(i64::MAX, i64::MIN, true), None);
    }

    #[test]
    fn missed_is_what_the_stream_has_no_more() {
        let gap = |is_certain| Gap { first: 8, last: 20, is_certain };
        assert_eq!(gap(true).missed(None), Some(Missed { first: 8, last: 20 }));
        // The stream keeps everything from 8 on: these offsets never held a message.
        assert_eq!(gap(false).missed(Some(8)), None);
        assert_eq!(gap(false).missed(Some(3)), None);
        assert_eq!(gap(false).missed(Some(10)), Some(Missed { first: 8, last: 9 }));
        assert_eq!(gap(false).missed(Some(900)), Some(Missed { first: 8, last: 20 }));
        assert_eq!(gap(false).missed(Some(900)).unwrap().count(), 13);
    }

    proptest! {
        /// The offset comes from the network and can be any number.
        #[test]
        fn any_offsets_can_be_compared(
            before: i64,
            offset: i64,
            kept_from: Option<i64>,
            is_certain: bool,
        ) {
            let missed = gap(before, offset, is_certain).and_then(|gap| gap.missed(kept_from));
            if let Some(missed) = missed {
                prop_assert!(missed.count() > 0);
                prop_assert!(before < missed.first && missed.first <= missed.last && missed.last < offset);
            }
        }
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
            assert_eq!(text.parse::<StartAt>(), Err(ParseStartAtError(text.to_owned())));
        }
    }
}
