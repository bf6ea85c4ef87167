//! The changes of all orders: those that the client has missed, then those that come.

use actix_web::web::BytesMut;
use db::Database;
use http_service::event_stream;
use logging::{Log, action};
use tokio::sync::mpsc::Receiver;

use super::catching_up::CatchingUp;
use super::fan_out::{Row, Step, TOGETHER};
use super::reader::{Place, row};
use super::seen::Seen;

/// The changes of all orders.
pub struct OfAll {
    /// What the client had seen when its live part began.
    start: Seen,
    /// What the client has missed and was not read yet.
    catching_up: Option<CatchingUp>,
    /// Whether the client is still to be told where it began.
    is_new: bool,
    steps: Receiver<Step>,
    log: Log,
}

impl OfAll {
    /// From this place on. `seen` is what the client has, if it comes back.
    pub fn new(place: Place, seen: Option<Seen>, db: Database, log: Log) -> Self {
        let Place { position, newest, steps } = place;
        // A position beyond the end is one of another log.
        let seen = seen.filter(|seen| seen.newest() <= newest);
        let is_new = seen.is_none();
        let start = seen.clone().unwrap_or_else(|| position.clone());
        let catching_up = seen.map(|seen| CatchingUp::new(db, seen, position));
        Self { start, catching_up, is_new, steps, log }
    }

    pub fn is_behind(&self) -> bool {
        self.is_new || self.catching_up.is_some()
    }

    /// Appends what comes next. `false` at the end.
    pub async fn more(&mut self, next: &mut BytesMut) -> bool {
        if std::mem::take(&mut self.is_new) {
            // A client that comes back before the first event has missed nothing.
            next.extend_from_slice(&event_stream::position(&self.start));
            return true;
        }
        if let Some(work) = self.catching_up.take() {
            return self.catch_up(work, next).await;
        }
        let Some(step) = self.steps.recv().await else { return false };
        self.add(&step, next);
        for _ in 1..TOGETHER {
            let Ok(step) = self.steps.try_recv() else { break };
            self.add(&step, next);
        }
        true
    }

    fn add(&self, step: &Step, next: &mut BytesMut) {
        if !self.start.has(step.row.id) {
            append(&step.row, &step.position.and(&self.start), next);
        }
    }

    async fn catch_up(&mut self, mut work: CatchingUp, next: &mut BytesMut) -> bool {
        let page = match work.page().await {
            Ok(page) => page,
            Err(why) => {
                self.log.error(action::DB_QUERY_FAILED, "The status log could not be read", &why).emit();
                return false;
            }
        };
        for (id, event) in page {
            let position = work.has_read(id);
            if let Some(row) = event.as_ref().and_then(row) {
                append(&row, &position, next);
            }
        }
        if work.is_done() {
            self.start = work.seen();
        } else {
            self.catching_up = Some(work);
        }
        true
    }
}

/// The event and what was seen with it are one block: a client has both, or none.
fn append(row: &Row, position: &Seen, next: &mut BytesMut) {
    next.extend_from_slice(&event_stream::id(position.as_id_of(row.id)));
    next.extend_from_slice(&row.event);
}
