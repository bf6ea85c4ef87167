//! The relay: sends what a crash, or a broker that was away, left in the outbox.

use std::time::Duration;

use bus::{Outgoing, Publisher};
use db::{Database, DbError, outbox};
use domain::RequestId;
use logging::Log;
use runtime::Shutdown;
use tokio::time::sleep;

/// Pause between two looks at the outbox.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Younger rows are still in the hands of whoever wrote them, who waits for the confirm and then takes back the order.
const MIN_AGE: Duration = Duration::from_secs(15);
/// Most messages of one look.
const BATCH: i64 = 100;

/// Runs until the shutdown begins. Any number of services may do so at once.
pub async fn run(db: Database, publisher: Publisher, log: Log, shutdown: &Shutdown) {
    let relay = Relay { db, publisher, log };
    while shutdown.or(sleep(POLL_INTERVAL)).await.is_some() {
        if let Some(Err(why)) = shutdown.or(relay.run_once()).await {
            relay.log.error("relay_failed", "The outbox could not be relayed; trying again", &why).emit();
        }
    }
}

struct Relay {
    db: Database,
    publisher: Publisher,
    log: Log,
}

impl Relay {
    async fn run_once(&self) -> Result<(), DbError> {
        if self.publisher.can_send_orders() {
            self.relay_orders().await?;
        }
        if self.publisher.can_send_status_updates() {
            self.relay_status_updates().await?;
        }
        Ok(())
    }

    async fn relay_orders(&self) -> Result<(), DbError> {
        outbox::relay_orders(&self.db, MIN_AGE, BATCH, async |rows| {
            let messages = rows.into_iter().filter_map(|row| {
                let message = Outgoing::order(&row.message, row.placed_at.into(), &row.request_id);
                Some((row.order_id, row.message.order_number.to_string(), row.request_id, message.ok()?))
            });
            self.publish(messages.collect(), "order_published").await
        })
        .await
        .map(drop)
    }

    async fn relay_status_updates(&self) -> Result<(), DbError> {
        outbox::relay_status_updates(&self.db, MIN_AGE, BATCH, async |rows| {
            let messages = rows.into_iter().filter_map(|row| {
                let message = Outgoing::status_update(&row.update, &row.request_id);
                Some((row.id, row.update.order_number.to_string(), row.request_id, message.ok()?))
            });
            self.publish(messages.collect(), "status_update_published").await
        })
        .await
        .map(drop)
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
