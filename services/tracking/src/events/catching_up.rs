//! Reads what a client of all orders has missed, in pages: no more than it takes.

use db::status_events::{self, StatusEvent};
use db::{Database, DbError};

use super::position::{Position, Witness};
use super::seen::Seen;
use super::spans::{Span, Spans};

/// Rows of a page. The client takes one before the next one is read.
const PAGE: i64 = 64;

/// What is still to be read, and what was.
pub struct CatchingUp {
    db: Database,
    /// What the client had when it came.
    seen: Seen,
    /// A row that the client's log had, until it was looked for.
    witness: Option<Witness>,
    /// What has gone on before its live part, and what was read since.
    position: Seen,
    left: Spans,
}

/// What was read.
pub enum Page {
    /// Rows, by id.
    Rows(Vec<(i64, Option<StatusEvent>)>),
    /// The log is not the one that the client has seen.
    OfAnotherLog,
}

impl CatchingUp {
    /// Reads what is in `position` and not in what the client has seen.
    pub fn new(db: Database, last: Position, position: Seen) -> Self {
        let Position { seen, witness } = last;
        let before = Spans::new(vec![Span { lowest: i64::MIN, highest: position.newest() }]);
        let left = seen.unseen().and(&before);
        Self { db, seen, witness, position, left }
    }

    /// The next rows.
    ///
    /// # Errors
    /// The database failed.
    pub async fn page(&mut self) -> Result<Page, DbError> {
        if let Some(witness) = self.witness.take() {
            let found = status_events::read(&self.db, &[(witness.id, witness.id)], 1).await?.rows;
            let event = found.first().and_then(|row| row.event.as_ref());
            if event.map(Witness::of) != Some(witness) {
                return Ok(Page::OfAnotherLog);
            }
        }
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
        Ok(Page::Rows(rows.into_iter().map(|row| (row.id, row.event)).collect()))
    }

    /// What the client has seen with this row, the next one of a page.
    pub fn has_read(&mut self, id: i64) -> Seen {
        self.position = self.position.with(id);
        self.position.up_to(id).and(&self.seen)
    }

    /// Whether there is nothing left.
    pub fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// What the client has seen when it is done.
    pub fn seen(&self) -> Seen {
        self.seen.and(&self.position)
    }
}
