//! The relay: sends what a crash, or a broker that was away, left in the outbox, and what nobody else has in hand.

use std::sync::Arc;
use std::time::Duration;

use bus::{Outgoing, Publisher};
use db::outbox::Relayed;
use db::{Database, DbError, outbox};
use domain::RequestId;
use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Pause between two looks at the outbox, unless somebody says that there is something.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Most messages of one look.
const BATCH: i64 = 100;

/// Tells the relay that there is something to send; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// There is something to send now.
    pub fn nudge(&self) {
        self.0.notify_one();
    }
}

/// Runs until the shutdown begins. Any number of services may do so at once.
pub async fn run(db: Database, publisher: Publisher, nudge: Nudge, log: Log, shutdown: &Shutdown) {
    let relay = Relay { db, publisher, log };
    let mut backoff = Backoff::for_server();
    let mut pause = Duration::ZERO;
    loop {
        let waiting = timeout(pause, nudge.0.notified());
        if shutdown.or(waiting).await.is_none() {
            return;
        }
        let Some(look) = shutdown.or(relay.run_once()).await else { return };
        pause = match look {
            Look::More => Duration::ZERO,
            Look::All => {
                backoff.reset();
                POLL_INTERVAL
            }
            Look::Failed => {
                let pause = backoff.next_pause();
                shutdown.or(sleep(pause)).await;
                Duration::ZERO
            }
        };
    }
}

/// What came of a look at the outboxes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    All,
    /// There may be more than it has found.
    More,
    /// The log says why.
    Failed,
}

struct Relay {
    db: Database,
    publisher: Publisher,
    log: Log,
}

impl Relay {
    /// Both outboxes, whatever becomes of the other.
    async fn run_once(&self) -> Look {
        let orders = if self.publisher.can_send_orders() { self.relay_orders().await } else { Ok(Look::All) };
        let updates = if self.publisher.can_send_status_updates() {
            self.relay_status_updates().await
        } else {
            Ok(Look::All)
        };
        let looks = [orders, updates].map(|look| {
            look.unwrap_or_else(|why| {
                self.log.error("relay_failed", "The outbox could not be relayed; trying again", &why).emit();
                Look::Failed
            })
        });
        [Look::Failed, Look::More].into_iter().find(|look| looks.contains(look)).unwrap_or(Look::All)
    }

    async fn relay_orders(&self) -> Result<Look, DbError> {
        let relayed = outbox::relay_orders(&self.db, BATCH, async |rows| {
            let messages = rows.into_iter().filter_map(|row| {
                let order_number = row.message.order_number.to_string();
                let placed_at = row.placed_at.into();
                let message =
                    Outgoing::order(&row.message, row.identity.as_ref(), placed_at, &row.request_id);
                let message = self.written(message, &order_number)?;
                Some((row.order_id, order_number, row.request_id, message))
            });
            self.publish(messages.collect(), "order_published").await
        });
        Ok(self.judge(&relayed.await?))
    }

    async fn relay_status_updates(&self) -> Result<Look, DbError> {
        let relayed = outbox::relay_status_updates(&self.db, BATCH, async |rows| {
            let messages = rows.into_iter().filter_map(|row| {
                let order_number = row.update.order_number.to_string();
                let message = Outgoing::status_update(&row.update, &row.request_id);
                let message = self.written(message, &order_number)?;
                Some((row.id, order_number, row.request_id, message))
            });
            self.publish(messages.collect(), "status_update_published").await
        });
        Ok(self.judge(&relayed.await?))
    }

    /// The message. What cannot be written stays in the outbox.
    fn written(&self, message: serde_json::Result<Outgoing>, order_number: &str) -> Option<Outgoing> {
        let failed = |why: serde_json::Error| {
            let what = "A message in the outbox cannot be written";
            self.log
                .error("message_processing_failed", what, &why)
                .detail("order_number", order_number)
                .emit();
        };
        message.map_err(failed).ok()
    }

    fn judge(&self, relayed: &Relayed) -> Look {
        for why in &relayed.unreadable {
            let message = "A message in the outbox cannot be read; it is set aside for an hour";
            self.log.error("relay_failed", message, why).emit();
        }
        let full = i64::try_from(relayed.found).is_ok_and(|found| found >= BATCH);
        if full && relayed.confirmed + relayed.unreadable.len() > 0 { Look::More } else { Look::All }
    }

    /// Publishes in the order given; returns the keys of what was confirmed.
    async fn publish<K>(
        &self,
        messages: Vec<(K, String, RequestId, Outgoing)>,
        action: &'static str,
    ) -> Vec<K> {
        let mut sent = Vec::with_capacity(messages.len());
        for (key, order_number, request_id, message) in messages {
            let confirm = self.publisher.send(message).await;
            sent.push((key, order_number, self.log.with_request_id(request_id), confirm));
        }
        let mut confirmed = Vec::with_capacity(sent.len());
        for (key, order_number, log, confirm) in sent {
            match confirm.received().await {
                Ok(()) => {
                    log.debug(action, format!("Relayed a message of order {order_number} from the outbox"))
                        .detail("order_number", order_number)
                        .emit();
                    confirmed.push(key);
                }
                Err(why) => {
                    log.error("rabbitmq_publish_failed", "A message stays in the outbox", &why)
                        .detail("order_number", order_number)
                        .emit();
                }
            }
        }
        confirmed
    }
}
