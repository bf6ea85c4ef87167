//! Tells everybody of status changes, in the order in which they happened, as long as the broker is there to hear it.
//!
//! Each change is in the outbox already: what this task cannot send before the worker ends is sent by a relay.

use std::time::Duration;

use bus::{Outgoing, Publisher};
use db::Database;
use db::outbox::{self, StatusOutboxRow};
use logging::Log;
use runtime::failpoint;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Most changes that wait to be told; the relay takes care of further ones.
const MAX_WAITING: usize = 1_024;
/// Most changes that are told together.
const BATCH: usize = 64;
/// A broker that refuses at once is asked again a little later.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A handle to the task; cheap to clone.
#[derive(Clone, Debug)]
pub struct Announcer(mpsc::Sender<StatusOutboxRow>);

impl Announcer {
    /// Starts the task. It ends when all handles are dropped and everything has been told.
    pub fn start(db: Database, publisher: Publisher, log: Log) -> (Self, JoinHandle<()>) {
        let (changes, incoming) = mpsc::channel(MAX_WAITING);
        (Self(changes), tokio::spawn(Task { db, publisher, log }.run(incoming)))
    }

    /// Tells of a change, soon. `false` when the line is full: a relay finds the change in the outbox, and later ones of
    /// the same order must be left to it as well.
    pub fn announce(&self, change: StatusOutboxRow) -> bool {
        self.0.try_send(change).is_ok()
    }
}

struct Task {
    db: Database,
    publisher: Publisher,
    log: Log,
}

impl Task {
    async fn run(self, mut incoming: mpsc::Receiver<StatusOutboxRow>) {
        let mut batch = Vec::with_capacity(BATCH);
        while incoming.recv_many(&mut batch, BATCH).await > 0 {
            let mut rest = std::mem::take(&mut batch);
            while !rest.is_empty() {
                let sent = self.send(&rest).await;
                failpoint::reached("kitchen.announced");
                let settled: Vec<i64> = rest.drain(..sent).map(|change| change.id).collect();
                if let Err(why) = outbox::settle_status_updates(&self.db, &settled).await {
                    // The relay will send them once more; subscribers drop repeats.
                    self.log
                        .error("outbox_not_settled", "Sent status updates are still in the outbox", &why)
                        .emit();
                }
                if sent == 0 {
                    // However long the broker is away: what happened first is told first.
                    sleep(PAUSE_AFTER_FAILURE).await;
                    self.publisher.status_updates_possible().await;
                }
            }
        }
    }

    /// Publishes one behind the other, and counts how many were confirmed before the first that was not. What comes behind
    /// that one is sent again with it, so that nobody sees an order ready before it cooks.
    async fn send(&self, changes: &[StatusOutboxRow]) -> usize {
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
        let count = confirms.len();
        for (place, confirm) in confirms.into_iter().enumerate() {
            let Some(confirm) = confirm else { continue };
            if let Err(why) = confirm.received().await {
                let what = "A status update was not confirmed; trying again";
                self.log.error("rabbitmq_publish_failed", what, &why).emit();
                return place;
            }
        }
        count
    }
}
