//! Reads the log for all streams of this process.

use std::sync::Arc;
use std::time::Duration;

use db::status_events::{self, LogRow, StatusEvent};
use db::{Database, DbError};
use deadlines::tracking::JOIN_DEADLINE;
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use http_service::event_stream;
use logging::{Log, action};
use runtime::Backoff;
use serde::Serialize;
use telemetry::metrics::{EVENT_DELAY, STREAMS_CUT};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fan_out::{FanOut, Row, Step};
use super::position::{Position, Witness};
use super::seen::Seen;
use super::sequence::{Look, Sequence};

/// Pause between the beginnings of two looks.
const TICK: Duration = Duration::from_millis(100);
/// Most rows of one look. If there are more, the next look follows at once.
const PAGE: i64 = 1_000;
/// How far back the first look searches for ids that are missing and may still come.
const LOOK_BACK: i64 = 10_000;
/// Streams that may wait for the next look.
const JOINS: usize = 1_024;

/// A handle to the reader; cheap to clone.
#[derive(Clone)]
pub struct Events {
    joins: mpsc::Sender<Join>,
    proof: watch::Receiver<Option<Proof>>,
}

/// The last look that was answered.
#[derive(Clone, Copy, Debug)]
struct Proof {
    /// The database's time.
    as_of: OffsetDateTime,
    /// When it was answered.
    at: Instant,
}

/// A stream that wants to begin.
enum Join {
    /// With the rows of all orders.
    All(oneshot::Sender<Place>),
    /// With those of this order.
    Order(OrderNumber, oneshot::Sender<mpsc::Receiver<Row>>),
}

/// The place of a stream of all orders in the log.
#[derive(Debug)]
pub struct Place {
    /// What has gone on before. It is not in `steps`.
    pub position: Position,
    /// The highest id that is stored.
    pub newest: i64,
    /// All that goes on from now on. It ends if the stream does not keep up.
    pub steps: mpsc::Receiver<Step>,
}

/// The reader did not answer.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The database does not.
    #[error("the status log was not read within {} s", JOIN_DEADLINE.as_secs())]
    TooLate,
    /// The task has ended; the service ends as well.
    #[error("the task that reads the status log has ended")]
    Ended,
}

impl Events {
    /// Starts the reader. It ends when all handles are dropped.
    pub fn start(db: Database, log: Log) -> (Self, JoinHandle<()>) {
        let (sender, joins) = mpsc::channel(JOINS);
        let (proof, seen_proof) = watch::channel(None);
        let reader = Reader { db, log, joins, proof };
        (Self { joins: sender, proof: seen_proof }, tokio::spawn(reader.run()))
    }

    /// A place in the log of all orders, after the next look at it.
    ///
    /// # Errors
    /// The log could not be read in time.
    pub async fn join(&self) -> Result<Place, JoinError> {
        self.joined(Join::All).await
    }

    /// All rows of an order that are committed after the next look at the log, and perhaps some
    /// from before. They end if the stream does not keep up.
    ///
    /// # Errors
    /// The log could not be read in time.
    pub async fn join_of(&self, number: OrderNumber) -> Result<mpsc::Receiver<Row>, JoinError> {
        self.joined(|reply| Join::Order(number, reply)).await
    }

    async fn joined<T>(&self, join: impl FnOnce(oneshot::Sender<T>) -> Join) -> Result<T, JoinError> {
        let (reply, joined) = oneshot::channel();
        let joining = async {
            self.joins.send(join(reply)).await.map_err(|_| JoinError::Ended)?;
            joined.await.map_err(|_| JoinError::Ended)
        };
        timeout(JOIN_DEADLINE, joining).await.map_err(|_| JoinError::TooLate)?
    }

    /// The database's time, if it has answered within this time.
    pub fn server_time(&self, within: Duration) -> Option<OffsetDateTime> {
        let proof = (*self.proof.borrow())?;
        let age = proof.at.elapsed();
        (age <= within).then(|| proof.as_of + age)
    }
}

struct Reader {
    db: Database,
    log: Log,
    joins: mpsc::Receiver<Join>,
    proof: watch::Sender<Option<Proof>>,
}

/// The state while at least one stream is open.
#[derive(Default)]
struct Reading {
    sequence: Option<Sequence<Option<StatusEvent>>>,
    fan_out: FanOut,
    /// The highest id that is stored.
    newest: i64,
    /// The newest row that was read.
    witness: Option<Witness>,
}

impl Reader {
    /// Waits for a stream, and reads until there is none.
    async fn run(mut self) {
        while let Some(first) = self.joins.recv().await {
            self.read(first).await;
        }
    }

    async fn read(&mut self, first: Join) {
        let mut reading = Reading::default();
        let mut joins = vec![first];
        let mut backoff = Backoff::for_server();
        loop {
            let began = Instant::now();
            let looked = self.look(&mut reading, began).await;
            let pause = match looked {
                Ok(is_cut) => {
                    backoff = Backoff::for_server();
                    if let Some(sequence) = &reading.sequence {
                        let position = sequence.position();
                        joins.drain(..).for_each(|join| reading.admit(join, position.clone()));
                    }
                    if is_cut { Duration::ZERO } else { TICK }
                }
                Err(why) => {
                    let failed = backoff.failed();
                    let line =
                        self.log.error(action::DB_QUERY_FAILED, "The status log could not be read", &why);
                    failed.describe(line).emit();
                    sleep(failed.pause()).await;
                    Duration::ZERO
                }
            };
            sleep_until(began + pause).await;
            while let Ok(join) = self.joins.try_recv() {
                joins.push(join);
            }
            joins.retain(Join::is_awaited);
            reading.fan_out.tidy();
            if reading.fan_out.is_empty() && joins.is_empty() {
                return;
            }
        }
    }

    /// Looks once, and sends what goes on. Returns whether there is more.
    async fn look(&self, reading: &mut Reading, began: Instant) -> Result<bool, DbError> {
        let sequence = if let Some(sequence) = &mut reading.sequence {
            sequence
        } else {
            let newest = status_events::newest_ids(&self.db, LOOK_BACK).await?;
            reading.sequence.insert(Sequence::after(&newest, began))
        };
        let found = status_events::look(&self.db, &sequence.wanted(), PAGE).await?;
        self.proof.send_replace(Some(Proof { as_of: found.as_of, at: Instant::now() }));
        reading.newest = found.newest.unwrap_or_default();
        let is_cut = i64::try_from(found.rows.len()).is_ok_and(|rows| rows >= PAGE);
        if !is_same_log(reading.witness, &found.rows, is_cut) || reading.newest < sequence.newest() {
            // Another log, or one that lost its end: the clients begin anew.
            self.log.info(action::STATUS_LOG_REPLACED, "The newest rows of the status log are gone").emit();
            *reading = Reading::default();
            return Ok(true);
        }
        if let Some(LogRow { id, event }) = found.rows.last()
            && *id >= sequence.newest()
        {
            reading.witness = event.as_ref().map(Witness::of);
        }
        let as_of = found.as_of;
        // The database's clock may have been set back.
        let count = |event: &StatusEvent| {
            EVENT_DELAY.observe((as_of - event.changed_at).as_seconds_f64().max(0.0));
        };
        let mut cut = 0;
        for LogRow { id, event } in &found.rows {
            // An order's rows are written under the lock of its row in `orders`: their ids say in
            // which sequence they are committed, and no gap concerns them.
            if let Some(event) = event
                && reading.fan_out.has(event.order_number)
                && sequence.lacks(*id)
                && let Some(row) = row(event)
            {
                cut += reading.fan_out.send_of(event.order_number, &row);
                count(event);
            }
        }
        let rows = found.rows.into_iter().map(|LogRow { id, event }| (id, event)).collect();
        let mut position = sequence.position();
        let taken = sequence.take(Look { began, rows, is_cut });
        for gap in &taken.passed {
            self.log
                .info(action::STATUS_LOG_GAP, "A row of the status log is late, or was rolled back")
                .detail("lowest_id", gap.lowest)
                .detail("highest_id", gap.highest)
                .emit_limited();
        }
        for (id, event) in taken.rows {
            position = position.with(id);
            if reading.fan_out.has_all()
                && let Some(event) = &event
                && let Some(row) = row(event)
            {
                count(event);
                cut += reading.fan_out.send(&Step { row, position: Arc::new(position.clone()) });
            }
        }
        if cut > 0 {
            STREAMS_CUT.inc_by(u64::try_from(cut).unwrap_or_default());
            self.log
                .debug(action::STREAM_CUT, "Clients did not read their event streams fast enough")
                .detail("streams", cut)
                .emit_limited();
        }
        Ok(is_cut)
    }
}

impl Reading {
    fn admit(&mut self, join: Join, seen: Seen) {
        // If nobody waits any more, the stream is closed, and tidied away.
        match join {
            Join::All(reply) => {
                let steps = self.fan_out.add();
                let position = Position { seen, witness: self.witness };
                let _ = reply.send(Place { position, newest: self.newest, steps });
            }
            Join::Order(number, reply) => {
                let _ = reply.send(self.fan_out.add_of(number));
            }
        }
    }
}

/// Whether the newest row of the look before is still there. A look asks for it again.
fn is_same_log(witness: Option<Witness>, rows: &[LogRow], is_cut: bool) -> bool {
    let Some(witness) = witness else { return true };
    let was_looked_for = !is_cut || rows.last().is_some_and(|last| last.id >= witness.id);
    let found = rows.iter().find(|row| row.id == witness.id).and_then(|row| row.event.as_ref());
    !was_looked_for || found.map(Witness::of) == Some(witness)
}

impl Join {
    fn is_awaited(&self) -> bool {
        match self {
            Self::All(reply) => !reply.is_closed(),
            Self::Order(_, reply) => !reply.is_closed(),
        }
    }
}

/// The data of an event.
#[derive(Serialize)]
struct Data<'a> {
    order_number: OrderNumber,
    status: &'a str,
    changed_by: &'a str,
    timestamp: Timestamp,
}

/// An event as it is sent, but for its id.
pub fn row(event: &StatusEvent) -> Option<Row> {
    let data = Data {
        order_number: event.order_number,
        status: &event.status,
        changed_by: &event.changed_by,
        timestamp: event.changed_at.into(),
    };
    // What has no text in JSON cannot be told, such as a time of the year 10000.
    let data = serde_json::to_string(&data).ok()?;
    Some(Row { id: event.id, witness: Witness::of(event), event: event_stream::event(None, "status", &data) })
}
