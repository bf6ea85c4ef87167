//! One stream, as it is sent: what its feed has, and heartbeats.

use std::pin::Pin;
use std::time::Duration;

use actix_web::web::{Bytes, BytesMut};
use deadlines::http::HEARTBEAT_INTERVAL;
use domain::timestamp::Timestamp;
use futures_util::{Stream, stream};
use http_service::event_stream;
use runtime::Shutdown;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::of_all::OfAll;
use super::of_order::OfOrder;
use super::reader::Events;

/// A heartbeat proves that the database answered within this time: many looks of the reader, and
/// little beside the time after which pages call themselves stale.
const FRESH: Duration = Duration::from_secs(1);
/// Bounds of the random pause after which a client comes back, in milliseconds.
const RETRY: std::ops::Range<u64> = 1_000..4_000;

/// What a stream has for its client.
pub enum Feed {
    /// The changes of one order.
    Order(OfOrder),
    /// Those of all orders.
    All(Box<OfAll>),
}

/// What a stream needs to go on.
struct State {
    feed: Feed,
    events: Events,
    /// What to send next.
    next: BytesMut,
    heartbeat: Interval,
    stopping: Pin<Box<dyn Future<Output = ()>>>,
    has_ended: bool,
}

/// The parts of a stream.
pub fn follow(feed: Feed, events: Events, shutdown: Shutdown) -> impl Stream<Item = Bytes> + 'static {
    let next = BytesMut::from(&event_stream::retry(pause())[..]);
    let mut heartbeat = interval_at(Instant::now(), HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = Box::pin(async move { shutdown.begun().await });
    let state = State { feed, events, next, heartbeat, stopping, has_ended: false };
    stream::unfold(state, State::part)
}

impl Feed {
    /// Whether there is more at once. Heartbeats wait until then.
    fn is_behind(&self) -> bool {
        match self {
            Self::Order(feed) => feed.is_behind(),
            Self::All(feed) => feed.is_behind(),
        }
    }

    /// Appends where the client is in the log, if it does not know it by the ids of events.
    fn mark(&mut self, next: &mut BytesMut) {
        match self {
            Self::Order(_) => {}
            Self::All(feed) => feed.mark(next),
        }
    }

    /// Appends what comes next. `false` at the end. To drop this future loses nothing, unless the
    /// feed is behind.
    async fn more(&mut self, next: &mut BytesMut) -> bool {
        match self {
            Self::Order(feed) => feed.more(next).await,
            Self::All(feed) => feed.more(next).await,
        }
    }
}

impl State {
    /// The next part, as soon as there is one.
    async fn part(mut self) -> Option<(Bytes, Self)> {
        while self.next.is_empty() {
            if self.has_ended {
                return None;
            }
            self.gather().await;
        }
        let part = self.next.split().freeze();
        Some((part, self))
    }

    async fn gather(&mut self) {
        let is_behind = self.feed.is_behind();
        tokio::select! {
            biased;
            () = &mut self.stopping => self.end(),
            _ = self.heartbeat.tick(), if !is_behind => self.beat(),
            goes_on = self.feed.more(&mut self.next) => if !goes_on { self.end() },
        }
    }

    /// Clients take a heartbeat for the proof that what they show is true.
    fn beat(&mut self) {
        self.feed.mark(&mut self.next);
        let part = match self.events.server_time(FRESH) {
            Some(time) => {
                let data = format!("{{\"timestamp\":\"{}\"}}", Timestamp(time));
                event_stream::event(None, "heartbeat", &data)
            }
            None => event_stream::comment("the database does not answer"),
        };
        self.next.extend_from_slice(&part);
    }

    fn end(&mut self) {
        self.feed.mark(&mut self.next);
        self.next.extend_from_slice(&event_stream::retry(pause()));
        self.has_ended = true;
    }
}

/// Clients of one process do not all come back at once.
fn pause() -> Duration {
    Duration::from_millis(rand::random_range(RETRY))
}
