//! The changes of one order: those that were, and those that come.

use std::collections::{BTreeSet, VecDeque};

use actix_web::web::BytesMut;
use db::status_events::StatusEvent;
use http_service::event_stream;
use tokio::sync::mpsc::Receiver;

use super::fan_out::{Row, TOGETHER};
use super::reader::row;

/// The changes of one order. They come in the sequence of their ids, so the id of the last one says
/// which of them a client has.
pub struct OfOrder {
    /// What was read at the beginning and is still to be sent.
    missed: VecDeque<Row>,
    /// The ids of what was read at the beginning. The reader may find it again.
    read: BTreeSet<i64>,
    rows: Receiver<Row>,
}

impl OfOrder {
    /// Begins with those of `read`, which the log had after `rows` began, that are behind the
    /// client's `last` one. A `last` that is none of them is of another log, and nothing was seen.
    pub fn new(read: &[StatusEvent], rows: Receiver<Row>, last: Option<i64>) -> Self {
        let last = last.filter(|last| read.iter().any(|event| event.id == *last));
        let missed = read.iter().filter(|event| last.is_none_or(|last| event.id > last));
        Self {
            missed: missed.filter_map(row).collect(),
            read: read.iter().map(|event| event.id).collect(),
            rows,
        }
    }

    pub fn is_behind(&self) -> bool {
        !self.missed.is_empty()
    }

    /// Appends what comes next. `false` at the end.
    pub async fn more(&mut self, next: &mut BytesMut) -> bool {
        if !self.missed.is_empty() {
            let together = self.missed.len().min(TOGETHER);
            self.missed.drain(..together).for_each(|row| append(&row, next));
            return true;
        }
        let Some(row) = self.rows.recv().await else { return false };
        self.add(&row, next);
        for _ in 1..TOGETHER {
            let Ok(row) = self.rows.try_recv() else { break };
            self.add(&row, next);
        }
        true
    }

    fn add(&self, row: &Row, next: &mut BytesMut) {
        if !self.read.contains(&row.id) {
            append(row, next);
        }
    }
}

fn append(row: &Row, next: &mut BytesMut) {
    next.extend_from_slice(&event_stream::id(row.id));
    next.extend_from_slice(&row.event);
}
