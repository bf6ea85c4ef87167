//! The changes of all orders: those that the client has missed, then those that come.

use actix_web::web::BytesMut;
use db::Database;
use http_service::event_stream;
use logging::{Log, action};
use tokio::sync::mpsc::Receiver;

use super::catching_up::{CatchingUp, Page};
use super::fan_out::{Row, Step, TOGETHER};
use super::position::Position;
use super::reader::{Place, row};
use super::seen::Seen;

/// The changes of all orders.
pub struct OfAll {
    /// Where it joined the log.
    joined: Position,
    /// What the client had seen when its live part began.
    start: Seen,
    /// Where the client is.
    position: Position,
    /// Whether the client knows that, and by which row the log is known again.
    is_marked: bool,
    beginning: Beginning,
    steps: Receiver<Step>,
    log: Log,
}

/// What a stream does before its live part.
enum Beginning {
    /// Nothing more.
    Over,
    /// It tells the client that its position is one of another log.
    Reset,
    /// It reads what the client has missed.
    CatchingUp(Box<CatchingUp>),
}

impl OfAll {
    /// From this place on. `last` is where the client was, if it comes back.
    pub fn new(place: Place, last: Option<Position>, db: Database, log: Log) -> Self {
        let Place { position: joined, newest, steps } = place;
        let (position, beginning) = match last {
            None => (joined.clone(), Beginning::Over),
            Some(last) if last.seen.newest() > newest => (joined.clone(), Beginning::Reset),
            Some(last) => {
                let work = CatchingUp::new(db, last.clone(), joined.seen.clone());
                (last, Beginning::CatchingUp(Box::new(work)))
            }
        };
        Self { start: joined.seen.clone(), joined, position, is_marked: false, beginning, steps, log }
    }

    pub fn is_behind(&self) -> bool {
        !matches!(self.beginning, Beginning::Over)
    }

    /// Tells the client where it is and by which row the log is known again, unless it knows. So a
    /// client that comes back before the first event has missed nothing.
    pub fn mark(&mut self, next: &mut BytesMut) {
        if !self.is_behind() && !std::mem::replace(&mut self.is_marked, true) {
            next.extend_from_slice(&event_stream::position(&self.position));
        }
    }

    /// Appends what comes next. `false` at the end.
    pub async fn more(&mut self, next: &mut BytesMut) -> bool {
        match std::mem::replace(&mut self.beginning, Beginning::Over) {
            Beginning::Reset => {
                self.reset(next);
                return true;
            }
            Beginning::CatchingUp(work) => return self.catch_up(work, next).await,
            Beginning::Over => {}
        }
        let Some(step) = self.steps.recv().await else { return false };
        self.add(&step, next);
        for _ in 1..TOGETHER {
            let Ok(step) = self.steps.try_recv() else { break };
            self.add(&step, next);
        }
        true
    }

    /// The client learns that it may have missed anything, and where it is now.
    fn reset(&mut self, next: &mut BytesMut) {
        self.position = self.joined.clone();
        next.extend_from_slice(&event_stream::id(&self.position));
        next.extend_from_slice(&event_stream::event(None, "reset", "{}"));
        self.is_marked = true;
    }

    fn add(&mut self, step: &Step, next: &mut BytesMut) {
        if !self.start.has(step.row.id) {
            self.append(&step.row, step.position.and(&self.start), next);
        }
    }

    /// The event and what was seen with it are one block: a client has both, or none.
    fn append(&mut self, row: &Row, seen: Seen, next: &mut BytesMut) {
        next.extend_from_slice(&event_stream::id(seen.as_id_of(row.id)));
        next.extend_from_slice(&row.event);
        self.position = Position { seen, witness: Some(row.witness) };
        self.is_marked = false;
    }

    async fn catch_up(&mut self, mut work: Box<CatchingUp>, next: &mut BytesMut) -> bool {
        let rows = match work.page().await {
            Ok(Page::Rows(rows)) => rows,
            Ok(Page::OfAnotherLog) => {
                self.reset(next);
                return true;
            }
            Err(why) => {
                let message = "The status log could not be read";
                self.log.error(action::DB_QUERY_FAILED, message, &why).emit_limited();
                return false;
            }
        };
        for (id, event) in rows {
            let seen = work.has_read(id);
            if let Some(row) = event.as_ref().and_then(row) {
                self.append(&row, seen, next);
            }
        }
        if work.is_done() {
            self.start = work.seen();
            let witness = self.position.witness.or(self.joined.witness);
            self.position = Position { seen: self.start.clone(), witness };
            self.is_marked = false;
        } else {
            self.beginning = Beginning::CatchingUp(work);
        }
        true
    }
}
