//! How often the relay polls a lane, and how much it takes: decisions without clock and servers, so
//! that a test can try any course of events.

use std::time::Duration;

use bus::PublishError;
use db::outbox::{self, Published, Relayed};
use runtime::{Backoff, FailedAttempt};

/// Most messages of one pass.
pub const BATCH: u16 = 100;
/// The same for events of requests. They all go this way, under load too.
pub const EVENTS_BATCH: u16 = 500;
/// Bounds of the pauses of a lane in trouble.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// The first pause of a refused message is at most so long; then it doubles.
const ROW_PAUSE: Duration = Duration::from_secs(2);
/// Doublings of that pause: the last one is 64 s, of which the database grants a minute.
const MAX_DOUBLINGS: u32 = 5;

/// The pause of a message that was refused so often: between half and all of 2 s, 4
/// s, … up to a minute.
pub fn pause_of_row(attempts: u32) -> Duration {
    let bound = ROW_PAUSE * 2_u32.pow(attempts.saturating_sub(1).min(MAX_DOUBLINGS));
    bound.min(deadlines::outbox::MAX_PAUSE).mul_f64(rand::random_range(0.5..=1.0))
}

/// What came of a pass over one lane of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Messages that were found.
    pub found: usize,
    /// Messages that the broker confirmed.
    pub confirmed: usize,
    /// Messages that back off: each was refused for itself, or cannot be read.
    pub backed_off: usize,
    /// Messages that back off: each went alone, and the connection broke.
    pub suspected: usize,
    /// Messages that failed with the connection. They are due still.
    pub lost: usize,
}

impl From<&Relayed> for Look {
    fn from(relayed: &Relayed) -> Self {
        let Relayed { found, confirmed, backed_off, suspected, .. } = *relayed;
        let lost = found.saturating_sub(confirmed + backed_off + suspected);
        Self { found, confirmed, backed_off, suspected, lost }
    }
}

/// When the next pass over a lane is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: the last pass sent something, and there may be more.
    AtOnce,
    /// After [`POLL_INTERVAL`](deadlines::outbox::POLL_INTERVAL), or when the relay is woken.
    WhenWoken,
    /// Not before this pause is over, even if the relay is woken.
    After(Duration),
}

/// The pace of one lane: of the orders of a type, or of the status updates. None waits for another.
#[derive(Clone, Debug)]
pub struct Pace {
    batch: u16,
    limit: u16,
    backoff: Backoff,
}

impl Pace {
    /// As if all had gone well so far. A pass takes at most `batch` messages.
    pub fn new(batch: u16) -> Self {
        Self { batch, limit: batch, backoff: Backoff::new(FIRST_PAUSE, MAX_PAUSE) }
    }

    /// What the next pass takes.
    pub fn look(&self) -> outbox::Look {
        outbox::Look { limit: self.limit, pause: pause_of_row }
    }

    /// Notes that a message was not confirmed.
    pub fn note<K>(&self, published: &mut Published<K>, key: K, why: &PublishError) {
        if why.is_refusal() {
            published.refused.push(key);
        } else if self.backs_off(why) {
            published.suspected.push(key);
        }
    }

    /// Whether a message that was not confirmed backs off. One with which the connection broke does
    /// so if it went alone: so one that breaks every connection is found. One that was not sent has
    /// done nothing.
    fn backs_off(&self, why: &PublishError) -> bool {
        why.is_refusal() || (self.limit == 1 && why.was_in_flight())
    }

    /// When the next pass is due after one with this outcome.
    pub fn after(&mut self, look: Look) -> Next {
        let was_full = look.found >= usize::from(self.limit);
        if look.lost > 0 || look.suspected > 0 {
            // One of them may have broken the connection: they go singly until it holds, then in
            // larger groups.
            self.limit = 1;
        } else if look.found > 0 {
            self.limit = self.limit.saturating_mul(2).min(self.batch);
        }
        // A few messages that are refused again and again are no trouble of the lane: they back off
        // themselves.
        let got_nothing_done = was_full && look.confirmed == 0;
        if look.lost > 0 || look.suspected > 0 || got_nothing_done {
            return Next::After(self.backoff.next_pause());
        }
        self.backoff.reset();
        if was_full { Next::AtOnce } else { Next::WhenWoken }
    }

    /// When the next pass is due after one that failed because of the database.
    pub fn after_failure(&mut self) -> FailedAttempt {
        self.backoff.failed()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refused_message_is_tried_again_after_a_pause_that_grows_up_to_a_minute() {
        for (attempts, bound) in [(0, 2), (1, 2), (2, 4), (5, 32), (6, 60), (u32::MAX, 60)] {
            let (pause, bound) = (pause_of_row(attempts), Duration::from_secs(bound));
            assert!(pause >= bound / 2 && pause <= bound, "{attempts}: {pause:?}");
        }
    }

    #[test]
    fn a_message_that_breaks_every_connection_is_found_and_the_others_go() {
        let mut pace = Pace::new(BATCH);
        let lost = Look { found: 100, lost: 100, ..Look::default() };
        assert!(matches!(pace.after(lost), Next::After(_)));
        assert!(pace.backs_off(&PublishError::Lost));
        // The one that is to blame.
        assert!(matches!(pace.after(Look { found: 1, suspected: 1, ..Look::default() }), Next::After(_)));
        assert_eq!(pace.limit, 1);
        let mut sent = 0;
        while pace.limit < BATCH {
            let limit = usize::from(pace.limit);
            assert_eq!(pace.after(Look { found: limit, confirmed: limit, ..Look::default() }), Next::AtOnce);
            sent += limit;
        }
        assert_eq!(sent, 127);
    }

    /// A connection that holds clears every message of the suspicion, refused or not.
    #[test]
    fn messages_that_are_refused_do_not_keep_the_others_single() {
        let mut pace = Pace::new(BATCH);
        pace.after(Look { found: 100, lost: 100, ..Look::default() });
        for expected in [2, 4, 8, 16, 32, 64, 100] {
            let found = usize::from(pace.limit);
            pace.after(Look { found, backed_off: found, ..Look::default() });
            assert_eq!(pace.limit, expected);
        }
    }

    /// Or one poisoned row, which comes due about once a minute, would make its
    /// lane deaf in between.
    #[test]
    fn a_few_messages_that_are_refused_slow_their_lane_down_in_nothing() {
        let mut pace = Pace::new(BATCH);
        for _ in 0..20 {
            let next = pace.after(Look { found: 3, backed_off: 3, ..Look::default() });
            assert_eq!(next, Next::WhenWoken);
        }
    }

    fn looks() -> impl Strategy<Value = (u16, u16, u16)> {
        (0..=BATCH, 0..=BATCH, 0..=BATCH)
    }

    /// Every error that publishing has, and whether it can be the fault of a
    /// message that went alone.
    fn errors() -> [(PublishError, bool); 8] {
        [
            (PublishError::NotConnected, false),
            (PublishError::Blocked("low on memory".to_owned()), false),
            (PublishError::QueueRefused("406".to_owned()), true),
            (PublishError::TooLarge { size: 2, limit: 1 }, true),
            (PublishError::Rejected, true),
            (PublishError::Unroutable("312".to_owned()), true),
            (PublishError::Lost, true),
            (PublishError::NotConfirmed, true),
        ]
    }

    proptest! {
        /// A broker that is away or takes nothing is no message's fault, however slowly the lane
        /// goes: all go as soon as it is back.
        #[test]
        fn what_was_not_sent_does_not_back_off(course in proptest::collection::vec(looks(), 0..20)) {
            let mut pace = Pace::new(BATCH);
            for (found, confirmed, _) in course {
                let found = found.min(pace.limit);
                let confirmed = usize::from(confirmed.min(found));
                let found = usize::from(found);
                for (why, may_be_its_fault) in errors() {
                    let expected = why.is_refusal() || (pace.limit == 1 && may_be_its_fault);
                    prop_assert_eq!(pace.backs_off(&why), expected, "{:?} at {}", why, pace.limit);
                }
                pace.after(Look { found, confirmed, lost: found - confirmed, ..Look::default() });
            }
        }

        /// No loop without a pause: a pass that follows at once follows one that removed something,
        /// and one that is woken follows one that left nothing due.
        #[test]
        fn without_progress_there_is_a_pause(course in proptest::collection::vec(looks(), 1..100)) {
            let mut pace = Pace::new(BATCH);
            for (found, confirmed, backed_off) in course {
                let found = found.min(pace.limit);
                let confirmed = confirmed.min(found);
                let backed_off = backed_off.min(found - confirmed);
                let lost = found - confirmed - backed_off;
                let [found, confirmed, backed_off, lost] =
                    [found, confirmed, backed_off, lost].map(usize::from);
                let [backed_off, suspected] = if pace.limit == 1 { [0, backed_off] } else { [backed_off, 0] };
                let was_full = found == usize::from(pace.limit);
                match pace.after(Look { found, confirmed, backed_off, suspected, lost }) {
                    Next::AtOnce => prop_assert!(confirmed > 0 && lost + suspected == 0),
                    Next::WhenWoken => prop_assert!(!was_full && lost + suspected == 0),
                    Next::After(pause) => {
                        prop_assert!(pause >= FIRST_PAUSE / 2 && pause <= MAX_PAUSE);
                        prop_assert!(lost + suspected > 0 || (was_full && confirmed == 0));
                    }
                }
                prop_assert!((1..=BATCH).contains(&pace.limit));
                prop_assert!(lost == 0 || pace.backs_off(&PublishError::Lost));
                prop_assert!(pace.backs_off(&PublishError::Rejected));
            }
        }
    }
}
