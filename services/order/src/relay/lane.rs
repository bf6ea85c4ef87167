//! The lanes of the relay: what goes together, at a pace of its own.

use std::time::Duration;

use db::outbox::{Due, RequestStream};
use deadlines::outbox::POLL_INTERVAL;
use domain::OrderType;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::pace::{BATCH, EVENTS_BATCH, Next, Pace};

/// What goes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    Orders(OrderType),
    StatusUpdates,
    RequestEvents(RequestStream),
}

impl Cargo {
    pub fn is_in(self, due: &Due) -> bool {
        match self {
            Self::Orders(order_type) => due.orders.contains(&order_type),
            Self::StatusUpdates => due.status_updates,
            Self::RequestEvents(stream) => due.request_events.contains(&stream),
        }
    }

    /// The most messages of one pass.
    fn batch(self) -> u16 {
        match self {
            Self::Orders(_) | Self::StatusUpdates => BATCH,
            Self::RequestEvents(_) => EVENTS_BATCH,
        }
    }
}

/// A part of the outbox that goes its own way.
pub struct Lane {
    pub cargo: Cargo,
    pub pace: Pace,
    pub next_pass: Instant,
    /// When its last pass began.
    taken: Instant,
    /// The last pass lost messages with the connection, or found only messages that are refused.
    /// The next one comes after a pause, even if the relay is woken.
    is_in_trouble: bool,
}

impl Lane {
    /// All lanes; each is due. Without `intake` there are none for the events of requests.
    pub fn all(intake: bool) -> Vec<Self> {
        let now = Instant::now();
        let lane = |cargo: Cargo| Self {
            cargo,
            pace: Pace::new(cargo.batch()),
            next_pass: now,
            taken: now,
            is_in_trouble: false,
        };
        let orders = OrderType::ALL.into_iter().map(Cargo::Orders);
        let events = RequestStream::ALL.into_iter().filter(|_| intake).map(Cargo::RequestEvents);
        orders.chain([Cargo::StatusUpdates]).chain(events).map(lane).collect()
    }

    /// A pass begins.
    pub fn take(&mut self, now: Instant) {
        self.taken = now;
    }

    /// The pass is over. `woken` is when the relay was woken for the last time: if that was during
    /// the pass, it may have come too late for it.
    pub fn rest(&mut self, next: Next, woken: Instant, now: Instant) {
        self.is_in_trouble = matches!(next, Next::After(_));
        let pause = match next {
            Next::AtOnce => Duration::ZERO,
            Next::WhenWoken if woken >= self.taken => Duration::ZERO,
            Next::WhenWoken => POLL_INTERVAL,
            Next::After(pause) => pause,
        };
        self.next_pass = now + pause;
    }

    /// Nothing can be sent on it at the moment. What the last pass came to still holds.
    pub fn wait(&mut self, now: Instant) {
        self.next_pass = now + POLL_INTERVAL;
    }

    /// The relay was woken.
    pub fn wake(&mut self, now: Instant) {
        if !self.is_in_trouble {
            self.next_pass = self.next_pass.min(now);
        }
    }

    /// No pass before `moment`, even if the relay is woken.
    pub fn rest_until(&mut self, moment: Instant) {
        self.is_in_trouble = true;
        self.next_pass = self.next_pass.max(moment);
    }
}

/// The connections that passes may take. One is not for lanes in trouble: a queue that hangs keeps
/// a connection for as long as its confirms may take.
pub struct Permits {
    all: Semaphore,
    in_trouble: Semaphore,
}

impl Permits {
    /// So many connections. If there is one only, the lanes take turns.
    pub fn new(connections: usize) -> Self {
        Self {
            all: Semaphore::new(connections.max(1)),
            in_trouble: Semaphore::new(connections.saturating_sub(1).max(1)),
        }
    }

    /// Waits for a permit; it is returned when this is dropped.
    pub async fn take(&self, lane: &Lane) -> Permit<'_> {
        // They are never closed: there is no error.
        let in_trouble = if lane.is_in_trouble { self.in_trouble.acquire().await.ok() } else { None };
        Permit { _in_trouble: in_trouble, _permit: self.all.acquire().await.ok() }
    }
}

/// The right to take a connection for a pass.
pub struct Permit<'a> {
    _in_trouble: Option<SemaphorePermit<'a>>,
    _permit: Option<SemaphorePermit<'a>>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn lane() -> Lane {
        Lane::all(false).into_iter().next().unwrap()
    }

    fn in_trouble() -> Lane {
        let mut lane = lane();
        lane.rest(Next::After(Duration::from_secs(1)), lane.taken, lane.taken);
        lane
    }

    #[test]
    fn however_many_lanes_are_in_trouble_one_place_is_free() {
        for connections in 2..=4 {
            let permits = Permits::new(connections);
            let taken: Vec<_> = (0..4).map_while(|_| permits.take(&in_trouble()).now_or_never()).collect();
            assert_eq!(taken.len(), connections - 1);
            let permit = permits.take(&lane()).now_or_never();
            assert!(permit.is_some() && permits.take(&lane()).now_or_never().is_none());
            drop(taken);
            assert!(permits.take(&in_trouble()).now_or_never().is_some());
        }
    }

    #[test]
    fn with_one_connection_lanes_take_turns() {
        let permits = Permits::new(1);
        let permit = permits.take(&in_trouble()).now_or_never().unwrap();
        assert!(permits.take(&lane()).now_or_never().is_none());
        drop(permit);
        assert!(permits.take(&lane()).now_or_never().is_some());
    }

    #[test]
    fn a_lane_in_trouble_stays_so_while_nothing_can_be_sent() {
        let mut lane = in_trouble();
        let now = lane.taken;
        lane.wait(now);
        lane.wake(now);
        assert_eq!(lane.next_pass, now + POLL_INTERVAL);
    }

    #[test]
    fn a_lane_that_is_woken_during_a_pass_is_due_at_once() {
        let mut lane = lane();
        let second = Duration::from_secs(1);
        let (before, taken) = (lane.taken, lane.taken + second);
        let (during, over) = (taken + second, taken + second * 2);
        lane.take(taken);
        lane.rest(Next::WhenWoken, during, over);
        assert_eq!(lane.next_pass, over);
        lane.rest(Next::WhenWoken, before, over);
        assert_eq!(lane.next_pass, over + POLL_INTERVAL);
        lane.wake(over);
        assert_eq!(lane.next_pass, over);
        // A pause is a pause.
        lane.rest(Next::After(second), during, over);
        lane.wake(over);
        assert_eq!(lane.next_pass, over + second);
    }
}
