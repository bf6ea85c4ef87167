//! One stream: what its client has missed, then what comes.

use std::pin::Pin;
use std::time::Duration;

use actix_web::web::{Bytes, BytesMut};
use db::status_events::{self, StatusEvent};
use db::{Database, DbError};
use deadlines::http::HEARTBEAT_INTERVAL;
use domain::timestamp::Timestamp;
use futures_util::{Stream, stream};
use http_service::event_stream;
use logging::{Log, action};
use runtime::Shutdown;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::fan_out::Step;
use super::reader::{Events, Joined, PAGE, encoded};
use super::seen::Seen;
use super::spans::{Span, Spans};

/// A heartbeat proves that the database answered within this time: many looks of the reader, and
/// little beside the time after which pages call themselves stale.
const FRESH: Duration = Duration::from_secs(1);
/// Bounds of the random pause after which a client comes back, in milliseconds.
const RETRY: std::ops::Range<u64> = 1_000..4_000;
/// Rows that are sent in one piece.
const TOGETHER: usize = 64;

/// Where a stream begins.
pub enum EventsFrom {
    /// With these rows of its order.
    Order(Vec<StatusEvent>),
    /// With what comes from now on, or with what the client missed.
    All(Database),
}

/// What a stream needs to go on.
struct State {
    events: Events,
    /// What to send next.
    next: BytesMut,
    /// What the client has missed and was not read yet.
    catching_up: Option<CatchingUp>,
    /// What the client had seen when its live part began.
    start: Seen,
    steps: Receiver<Step>,
    heartbeat: Interval,
    stopping: Pin<Box<dyn Future<Output = ()>>>,
    has_ended: bool,
    log: Log,
}

/// Reads in pages what the client has missed: no more than it takes.
struct CatchingUp {
    db: Database,
    /// What the client had when it came.
    seen: Seen,
    position: Seen,
    /// What is still to be read.
    left: Spans,
}

/// The parts of a stream that joined here. `seen` is what its client has, if it came back.
pub fn follow(
    from: EventsFrom,
    joined: Joined,
    seen: Option<Seen>,
    events: Events,
    shutdown: Shutdown,
    log: Log,
) -> impl Stream<Item = Bytes> + 'static {
    let Joined { position, newest, steps } = joined;
    // A position beyond the end is one of another log.
    let seen = seen.filter(|seen| seen.newest() <= newest);
    let mut next = BytesMut::from(&event_stream::retry(pause())[..]);
    let (start, catching_up) = match from {
        EventsFrom::Order(rows) => {
            let seen = seen.unwrap_or_else(Seen::nothing);
            // What is above the position comes with the steps.
            let missed = rows.iter().filter(|row| row.id <= position.newest() && !seen.has(row.id));
            let mut start = seen.and(&position);
            let mut last = seen.newest();
            for row in missed {
                next.extend_from_slice(&encoded(row));
                start = start.with(row.id);
                last = row.id;
            }
            // The ids of the rows say enough, unless one was late.
            if !start.is_plain() || last < seen.newest() {
                next.extend_from_slice(&event_stream::position(&start.to_string()));
            }
            (start, None)
        }
        EventsFrom::All(db) => {
            if let Some(seen) = seen {
                let left = seen.unseen().and(&up_to(position.newest()));
                (seen.clone(), Some(CatchingUp { db, seen, position, left }))
            } else {
                // A client that comes back before the first event has missed nothing.
                next.extend_from_slice(&event_stream::position(&position.to_string()));
                (position, None)
            }
        }
    };
    let mut heartbeat = interval_at(Instant::now(), HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = Box::pin(async move { shutdown.begun().await });
    let state = State { events, next, catching_up, start, steps, heartbeat, stopping, has_ended: false, log };
    stream::unfold(state, State::part)
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
        if self.catching_up.is_some() {
            return self.catch_up().await;
        }
        tokio::select! {
            biased;
            () = &mut self.stopping => self.end(),
            _ = self.heartbeat.tick() => self.beat(),
            step = self.steps.recv() => match step {
                None => self.end(),
                Some(step) => {
                    self.add(&step);
                    for _ in 1..TOGETHER {
                        let Ok(step) = self.steps.try_recv() else { break };
                        self.add(&step);
                    }
                }
            },
        }
    }

    fn add(&mut self, step: &Step) {
        if !self.start.has(step.id) {
            self.next.extend_from_slice(&step.event);
            self.mark(step.id, &step.position.and(&self.start));
        }
    }

    /// Tells the client its position, if that is more than the id of the event before.
    fn mark(&mut self, id: i64, position: &Seen) {
        if !position.is_plain() || position.newest() != id {
            self.next.extend_from_slice(&event_stream::position(&position.to_string()));
        }
    }

    /// Clients take a heartbeat for the proof that what they show is true.
    fn beat(&mut self) {
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
        self.next.extend_from_slice(&event_stream::retry(pause()));
        self.has_ended = true;
    }

    async fn catch_up(&mut self) {
        let Some(mut work) = self.catching_up.take() else { return };
        let page = tokio::select! {
            biased;
            () = &mut self.stopping => return self.end(),
            page = work.page() => page,
        };
        let rows = match page {
            Ok(rows) => rows,
            Err(why) => {
                self.log.error(action::DB_QUERY_FAILED, "The status log could not be read", &why).emit();
                return self.end();
            }
        };
        for (id, event) in rows {
            work.position = work.position.with(id);
            if let Some(event) = event {
                self.next.extend_from_slice(&encoded(&event));
                self.mark(id, &work.position.up_to(id).and(&work.seen));
            }
        }
        if work.left.is_empty() {
            self.start = work.seen.and(&work.position);
        } else {
            self.catching_up = Some(work);
        }
    }
}

impl CatchingUp {
    /// The next rows.
    async fn page(&mut self) -> Result<Vec<(i64, Option<StatusEvent>)>, DbError> {
        let wanted: Vec<_> = self.left.iter().map(|span| (span.lowest, span.highest)).collect();
        let rows = status_events::read(&self.db, &wanted, PAGE).await?.rows;
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE);
        self.left = match rows.last() {
            Some(last) if !is_last => {
                let above = Span { lowest: last.id.saturating_add(1), highest: i64::MAX };
                self.left.and(&Spans::new(vec![above]))
            }
            _ => Spans::default(),
        };
        Ok(rows.into_iter().map(|row| (row.id, row.event)).collect())
    }
}

fn up_to(highest: i64) -> Spans {
    Spans::new(vec![Span { lowest: i64::MIN, highest }])
}

/// Clients of one process do not all come back at once.
fn pause() -> Duration {
    Duration::from_millis(rand::random_range(RETRY))
}
