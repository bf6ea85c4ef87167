//! The state of one connection. Its stream and its requests write it; the sweep and the admission
//! of new connections read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use deadlines::http::BODY_DEADLINE;
use tokio::sync::Notify;

use crate::clock::{Clock, ticks};
use crate::ending::Ending;
use crate::peer::Peer;
use crate::phase::Phase;

/// How long a handler may take to answer that the body is late, before the connection is closed
/// without a response.
const LATE_ANSWER: Duration = Duration::from_secs(5);

/// Stands for the length of a chunked body.
pub(crate) const UNKNOWN_LENGTH: usize = usize::MAX;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    clock: Arc<Clock>,
    /// The phase in the upper half, the tick at which it began in the lower.
    phase: AtomicU64,
    /// The tick of the last progress: accepted, first byte of a request, complete request,
    /// answered, response written. Single bytes do not count, so a client cannot stay by sending
    /// slowly.
    progress: AtomicU32,
    /// Whether the connection closes after the current response.
    last: AtomicBool,
    /// Whether the current response is a stream that goes on.
    streams: AtomicBool,
    /// Bytes of the body that have not arrived. [`UNKNOWN_LENGTH`] for a chunked body.
    body_left: AtomicUsize,
    closes: AtomicBool,
    late: Notify,
    ending: AtomicU8,
    ended: Notify,
}

impl Connection {
    pub(crate) fn new(peer: Peer, clock: Arc<Clock>) -> Self {
        let now = clock.now();
        let connection = Self {
            peer,
            clock,
            phase: AtomicU64::new(0),
            progress: AtomicU32::new(now),
            last: AtomicBool::new(false),
            streams: AtomicBool::new(false),
            body_left: AtomicUsize::new(0),
            closes: AtomicBool::new(false),
            late: Notify::new(),
            ending: AtomicU8::new(0),
            ended: Notify::new(),
        };
        connection.enter(Phase::New);
        connection
    }

    fn enter(&self, phase: Phase) {
        self.phase.store((phase as u64) << 32 | u64::from(self.clock.now()), Ordering::Release);
    }

    fn phase_and_start(&self) -> (Phase, u32) {
        let state = self.phase.load(Ordering::Acquire);
        let phase = usize::try_from(state >> 32).ok().and_then(|place| Phase::ALL.get(place));
        let start = u32::try_from(state & u64::from(u32::MAX)).unwrap_or_default();
        (phase.copied().unwrap_or(Phase::Idle), start)
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase_and_start().0
    }

    fn makes_progress(&self) {
        self.progress.store(self.clock.now(), Ordering::Relaxed);
    }

    /// The tick of the last progress.
    pub(crate) fn last_progress(&self) -> u32 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Records that bytes have arrived.
    pub(crate) fn received(&self, count: usize) {
        match self.phase() {
            Phase::Idle => {
                self.enter(Phase::Head);
                self.makes_progress();
            }
            // A new connection's deadline counts from its accept.
            Phase::New => {
                let (_, start) = self.phase_and_start();
                self.phase.store((Phase::Head as u64) << 32 | u64::from(start), Ordering::Relaxed);
            }
            Phase::Body => {
                let left = self.body_left();
                if left != UNKNOWN_LENGTH {
                    self.body_left.store(left.saturating_sub(count), Ordering::Relaxed);
                }
            }
            Phase::Head | Phase::Work | Phase::Answer | Phase::Stream => {}
        }
    }

    /// The number of body bytes that have not arrived.
    pub(crate) fn body_left(&self) -> usize {
        self.body_left.load(Ordering::Relaxed)
    }

    /// Records that a head is complete. `body` is the length of its body, or [`UNKNOWN_LENGTH`].
    pub(crate) fn begins(&self, body: usize) {
        // As at the end of a stream: what was never evicted is not the quietest now.
        if self.phase() == Phase::Stream {
            self.makes_progress();
        }
        self.body_left.store(body, Ordering::Relaxed);
        self.enter(if body > 0 { Phase::Body } else { Phase::Work });
    }

    /// Records that the body is complete.
    pub(crate) fn has_body(&self) {
        self.makes_progress();
        self.enter(Phase::Work);
    }

    /// Marks the current request as the last one of the connection.
    pub(crate) fn is_last(&self) {
        self.last.store(true, Ordering::Relaxed);
    }

    /// Marks the response of the current request as a stream. It is the connection's last response:
    /// no request waits behind it.
    pub(crate) fn will_stream(&self) {
        self.streams.store(true, Ordering::Relaxed);
        self.is_last();
    }

    /// Records that the stream has no further part. What is left of it is read like any response.
    pub(crate) fn stream_ends(&self) {
        if self.streams.swap(false, Ordering::Relaxed) {
            self.makes_progress();
            self.enter(Phase::Answer);
        }
    }

    /// Records that a handler has answered. Returns whether the connection must close: the body was
    /// incomplete, or it was the last request.
    pub(crate) fn answers(&self) -> bool {
        if self.phase() == Phase::Body || self.last.load(Ordering::Relaxed) {
            self.closes.store(true, Ordering::Relaxed);
        }
        // Record the progress before the phase changes: see `OpenConnections`.
        self.makes_progress();
        let streams = self.streams.load(Ordering::Relaxed);
        self.enter(if streams { Phase::Stream } else { Phase::Answer });
        self.closes.load(Ordering::Relaxed)
    }

    /// Records that the kernel has taken the whole response, or all that there is of a stream.
    pub(crate) fn flushed(&self) {
        match self.phase() {
            Phase::Answer => self.enter(Phase::Idle),
            Phase::Stream => return self.enter(Phase::Stream),
            Phase::New | Phase::Head | Phase::Body | Phase::Work | Phase::Idle => return,
        }
        self.makes_progress();
        if self.closes.load(Ordering::Relaxed) {
            self.end(Ending::AnsweredEarly);
        }
    }

    /// Whether the connection closes after the current response.
    pub(crate) fn closes(&self) -> bool {
        self.closes.load(Ordering::Relaxed)
    }

    /// Ends the connection if its phase has exceeded its deadline.
    pub(crate) fn check(&self) {
        let (phase, start) = self.phase_and_start();
        let age = self.clock.now().wrapping_sub(start);
        if age <= ticks(phase.deadline()) {
            return;
        }
        match phase {
            Phase::New | Phase::Idle => self.end(Ending::Idle),
            Phase::Head => self.end(Ending::HeadLate),
            Phase::Body if age <= ticks(BODY_DEADLINE + LATE_ANSWER) => self.late.notify_one(),
            Phase::Body | Phase::Work => self.end(Ending::RequestLate),
            Phase::Answer => self.end(Ending::AnswerUnread),
            Phase::Stream => self.end(Ending::StreamUnread),
        }
    }

    /// Waits until the body has exceeded its deadline.
    pub(crate) async fn body_is_late(&self) {
        loop {
            self.late.notified().await;
            let (phase, start) = self.phase_and_start();
            // The notification may belong to an earlier request.
            if phase == Phase::Body && self.clock.now().wrapping_sub(start) > ticks(BODY_DEADLINE) {
                return;
            }
        }
    }

    /// Ends the connection. The first reason is kept.
    pub(crate) fn end(&self, ending: Ending) {
        let first =
            self.ending.compare_exchange(0, ending as u8, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            self.ended.notify_one();
        }
    }

    /// The reason to end the connection, if there is one.
    pub(crate) fn ending(&self) -> Option<Ending> {
        let ending = self.ending.load(Ordering::Relaxed);
        if ending == 0 {
            return None;
        }
        Ending::ALL.into_iter().find(|known| *known as u8 == ending)
    }

    /// Waits until the connection is to be ended.
    pub(crate) async fn ended(&self) -> Ending {
        loop {
            if let Some(ending) = self.ending() {
                return ending;
            }
            self.ended.notified().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use deadlines::http::{ANSWER_DEADLINE, HEAD_DEADLINE, IDLE_DEADLINE, REQUEST_DEADLINE, STREAM_DEADLINE};

    use super::*;
    use crate::clock::TICK;

    fn connection() -> (Arc<Clock>, Connection) {
        let clock = Arc::<Clock>::default();
        (Arc::clone(&clock), Connection::new(Peer::of("127.0.0.1".parse().unwrap()), clock))
    }

    fn answer(connection: &Connection) {
        connection.begins(0);
        assert!(!connection.answers());
    }

    fn exchange(connection: &Connection) {
        answer(connection);
        connection.flushed();
    }

    fn stream(connection: &Connection) {
        connection.begins(0);
        connection.will_stream();
        assert!(connection.answers(), "a stream is the last response");
    }

    /// The reason for which the connection ends after being idle for this long.
    fn after(clock: &Clock, connection: &Connection, time: Duration) -> Option<Ending> {
        for _ in 0..ticks(time) {
            clock.tick();
            connection.check();
        }
        connection.ending()
    }

    #[test]
    fn every_phase_has_a_deadline_on_the_first_request_and_on_later_ones() {
        type Act = fn(&Connection);
        let cases: [(Act, Duration, Ending); 7] = [
            (|_| {}, HEAD_DEADLINE, Ending::Idle),
            (|it| it.received(1), HEAD_DEADLINE, Ending::HeadLate),
            (|it| it.begins(1), BODY_DEADLINE + LATE_ANSWER, Ending::RequestLate),
            (|it| it.begins(0), REQUEST_DEADLINE, Ending::RequestLate),
            (answer, ANSWER_DEADLINE, Ending::AnswerUnread),
            (exchange, IDLE_DEADLINE, Ending::Idle),
            (stream, STREAM_DEADLINE, Ending::StreamUnread),
        ];
        for (place, (act, deadline, ending)) in cases.into_iter().enumerate() {
            for earlier in if place == 0 { 0..1 } else { 0..3 } {
                let (clock, connection) = connection();
                for _ in 0..earlier {
                    connection.received(1);
                    exchange(&connection);
                    assert_eq!(after(&clock, &connection, IDLE_DEADLINE), None);
                }
                act(&connection);
                assert_eq!(after(&clock, &connection, deadline), None, "{ending:?} after {earlier}");
                assert_eq!(after(&clock, &connection, TICK), Some(ending), "{ending:?} after {earlier}");
            }
        }
    }

    #[test]
    fn a_stream_lives_while_its_client_reads_and_its_end_is_the_last_answer() {
        let (clock, connection) = connection();
        stream(&connection);
        for _ in 0..10 {
            connection.flushed();
            assert_eq!(after(&clock, &connection, STREAM_DEADLINE), None);
        }
        connection.stream_ends();
        assert_eq!(after(&clock, &connection, ANSWER_DEADLINE), None);
        connection.flushed();
        assert_eq!(connection.ending(), Some(Ending::AnsweredEarly));
    }

    #[test]
    fn bytes_that_trickle_win_no_time() {
        let (clock, connection) = connection();
        for _ in 0..ticks(HEAD_DEADLINE) {
            connection.received(1);
            assert_eq!(after(&clock, &connection, TICK), None);
        }
        assert_eq!(connection.last_progress(), 0);
        assert_eq!(after(&clock, &connection, TICK), Some(Ending::HeadLate));
    }

    #[test]
    fn a_whole_request_and_its_answer_are_steps_forward() {
        let (clock, connection) = connection();
        connection.begins(1);
        clock.tick();
        assert_eq!(connection.last_progress(), 0);
        connection.has_body();
        assert_eq!(connection.last_progress(), 1);
        clock.tick();
        connection.answers();
        assert_eq!(connection.last_progress(), 2, "the client is still to learn of it");
    }

    #[test]
    fn an_answer_before_the_end_of_the_body_is_the_last_one() {
        let (_, connection) = connection();
        connection.begins(1);
        connection.has_body();
        assert!(!connection.answers());
        connection.flushed();
        assert_eq!(connection.ending(), None);
        connection.begins(1);
        assert!(connection.answers());
        assert_eq!(connection.ending(), None, "it is not written yet");
        connection.flushed();
        assert_eq!(connection.ending(), Some(Ending::AnsweredEarly));
    }

    #[test]
    fn the_answer_to_the_last_request_ends_it_and_its_body_is_read_before() {
        let (_, connection) = connection();
        connection.begins(1);
        connection.is_last();
        assert!(!connection.closes(), "the body is still to come");
        connection.has_body();
        assert!(connection.answers());
        connection.flushed();
        assert_eq!(connection.ending(), Some(Ending::AnsweredEarly));
    }
}
