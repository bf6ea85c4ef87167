//! Publishes status changes in the order in which they happened, while the broker is reachable.
//!
//! Each change is already in the outbox. A relay publishes what this task cannot publish before the
//! worker ends.

use std::time::Duration;

use bus::{Outgoing, Publisher};
use db::Database;
use db::outbox::{self, OLD, StatusOutboxRow};
use logging::{Log, action};
use runtime::{FailedAttempt, failpoint};
use telemetry::traces::conventions::Age;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// Capacity of the queue of unpublished changes. A relay publishes further ones.
const MAX_WAITING: usize = 1_024;
/// The largest number of changes that are published together.
const BATCH: usize = 512;
/// The largest number of published batches whose outbox rows are being removed, while the next
/// batch is published.
const MAX_SETTLING: usize = 2;
/// Longest time that a cook waits for room in the queue while the broker is reachable.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// Pause after a failed batch, because a broker may refuse immediately.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A handle to the task. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StatusPublisher {
    changes: mpsc::Sender<Change>,
    publisher: Publisher,
}

/// A change that was committed.
#[derive(Debug)]
struct Change {
    row: StatusOutboxRow,
    /// Since then it waits.
    since: Instant,
}

impl Change {
    fn age(&self) -> Age {
        if self.row.is_old || self.since.elapsed() > OLD { Age::Old } else { Age::Fresh }
    }
}

impl StatusPublisher {
    /// Starts the task. It ends when all handles are dropped and everything has been published.
    pub fn start(db: Database, publisher: Publisher, log: Log) -> (Self, JoinHandle<()>) {
        let (changes, incoming) = mpsc::channel(MAX_WAITING);
        let task = Task { db, publisher: publisher.clone(), log };
        (Self { changes, publisher }, tokio::spawn(task.run(incoming)))
    }

    /// Queues a change for publishing. If the queue is full, it waits while the broker is
    /// reachable. `false` if the change was not queued: a relay must publish it, and also later
    /// changes of the same order.
    pub async fn publish(&self, row: StatusOutboxRow) -> bool {
        let change = Change { row, since: Instant::now() };
        match self.changes.try_send(change) {
            Ok(()) => true,
            Err(TrySendError::Full(change)) if self.publisher.can_send_status_updates() => {
                timeout(MAX_WAIT, self.changes.send(change)).await.is_ok_and(|sent| sent.is_ok())
            }
            Err(_) => false,
        }
    }
}

struct Task {
    db: Database,
    publisher: Publisher,
    log: Log,
}

impl Task {
    async fn run(self, mut incoming: mpsc::Receiver<Change>) {
        let mut settling = JoinSet::new();
        let mut batch = Vec::with_capacity(BATCH);
        let mut attempt = 1;
        while incoming.recv_many(&mut batch, BATCH).await > 0 {
            while !batch.is_empty() {
                let (done, settled) = self.send(&batch, attempt).await;
                failpoint::reached("kitchen.published");
                batch.drain(..done);
                if done == 0 {
                    attempt += 1;
                    // Retry the same changes, however long the outage lasts, so that the sequence
                    // is kept.
                    sleep(PAUSE_AFTER_FAILURE).await;
                    self.publisher.status_updates_possible().await;
                    continue;
                }
                attempt = 1;
                settling.spawn(settle(self.db.clone(), settled, self.log.clone()));
                while settling.len() > MAX_SETTLING {
                    settling.join_next().await;
                }
            }
        }
        while settling.join_next().await.is_some() {}
    }

    /// Publishes the changes in sequence. Returns how many precede the first unconfirmed change,
    /// and the outbox rows of those that were confirmed. Everything from the first unconfirmed
    /// change on is published again, so that no subscriber sees `ready` before `cooking`.
    async fn send(&self, changes: &[Change], attempt: u32) -> (usize, Vec<i64>) {
        let mut confirms = Vec::with_capacity(changes.len());
        for change in changes {
            confirms.push(match Outgoing::status_update(&change.row.update, &change.row.request_id) {
                Ok(message) => Some(self.publisher.send(message.of_age(change.age())).await),
                Err(why) => {
                    let what = "A status update cannot be encoded";
                    self.log.error(action::MESSAGE_PROCESSING_FAILED, what, &why).emit();
                    None
                }
            });
        }
        let mut confirmed = Vec::with_capacity(changes.len());
        for (place, (change, confirm)) in changes.iter().zip(confirms).enumerate() {
            // A change that cannot be encoded stays in the outbox.
            let Some(confirm) = confirm else { continue };
            if let Err(why) = confirm.received().await {
                let what = "A status update was not confirmed; trying again";
                let pause = if place == 0 { PAUSE_AFTER_FAILURE } else { Duration::ZERO };
                let failed = FailedAttempt { number: attempt, retry_in: Some(pause) };
                failed.describe(self.log.error(action::RABBITMQ_PUBLISH_FAILED, what, &why)).emit();
                return (place, confirmed);
            }
            confirmed.push(change.row.id);
        }
        (changes.len(), confirmed)
    }
}

async fn settle(db: Database, settled: Vec<i64>, log: Log) {
    if let Err(why) = outbox::settle_status_updates(&db, &settled).await {
        // The relay will publish them again. Subscribers drop repeats.
        log.error(action::OUTBOX_NOT_SETTLED, "Sent status updates are still in the outbox", &why).emit();
    }
}
