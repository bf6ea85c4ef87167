//! Tells everybody of status changes, in the order in which they happened, as long as the broker
//! is there to hear it.
//!
//! Each change is in the outbox already: what this task cannot send before the worker
//! ends is sent by a relay.

use std::time::Duration;

use bus::{Outgoing, Publisher};
use db::Database;
use db::outbox::{self, StatusOutboxRow};
use logging::Log;
use runtime::{FailedAttempt, failpoint};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Most changes that wait to be told; the relay takes care of further ones.
const MAX_WAITING: usize = 1_024;
/// Most changes that are told together.
const BATCH: usize = 512;
/// Most batches that were told and are being removed from the outbox, while the next one is told.
const MAX_SETTLING: usize = 2;
/// Longest time that a cook waits for a line that is full although the broker listens.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// A broker that refuses at once is asked again a little later.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A handle to the task; cheap to clone.
#[derive(Clone, Debug)]
pub struct StatusPublisher {
    changes: mpsc::Sender<StatusOutboxRow>,
    publisher: Publisher,
}

impl StatusPublisher {
    /// Starts the task. It ends when all handles are dropped and everything has been told.
    pub fn start(db: Database, publisher: Publisher, log: Log) -> (Self, JoinHandle<()>) {
        let (changes, incoming) = mpsc::channel(MAX_WAITING);
        let task = Task { db, publisher: publisher.clone(), log };
        (Self { changes, publisher }, tokio::spawn(task.run(incoming)))
    }

    /// Tells of a change, soon. A kitchen that is faster than the broker waits for it; but nobody
    /// waits for a broker that is away: `false` if a relay must tell of the change, and with it of
    /// later ones of the same order.
    pub async fn publish(&self, change: StatusOutboxRow) -> bool {
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
    async fn run(self, mut incoming: mpsc::Receiver<StatusOutboxRow>) {
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
                    // However long the broker is away: what happened first is told first.
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

    /// Publishes one behind the other. Returns how many come before the first that was not
    /// confirmed, and the rows of those that were. What comes behind that one is sent again with
    /// it, so that nobody sees an order ready before it cooks.
    async fn send(&self, changes: &[StatusOutboxRow], attempt: u32) -> (usize, Vec<i64>) {
        let mut confirms = Vec::with_capacity(changes.len());
        for change in changes {
            confirms.push(match Outgoing::status_update(&change.update, &change.request_id) {
                Ok(message) => Some(self.publisher.send(message).await),
                Err(why) => {
                    let what = "A status update cannot be written";
                    self.log.error("message_processing_failed", what, &why).emit();
                    None
                }
            });
        }
        let mut confirmed = Vec::with_capacity(changes.len());
        for (place, (change, confirm)) in changes.iter().zip(confirms).enumerate() {
            // What cannot be written stays in the outbox.
            let Some(confirm) = confirm else { continue };
            if let Err(why) = confirm.received().await {
                let what = "A status update was not confirmed; trying again";
                let pause = if place == 0 { PAUSE_AFTER_FAILURE } else { Duration::ZERO };
                let failed = FailedAttempt { number: attempt, retry_in: Some(pause) };
                failed.describe(self.log.error("rabbitmq_publish_failed", what, &why)).emit();
                return (place, confirmed);
            }
            confirmed.push(change.id);
        }
        (changes.len(), confirmed)
    }
}

async fn settle(db: Database, settled: Vec<i64>, log: Log) {
    if let Err(why) = outbox::settle_status_updates(&db, &settled).await {
        // The relay will send them once more; subscribers drop repeats.
        log.error("outbox_not_settled", "Sent status updates are still in the outbox", &why).emit();
    }
}
