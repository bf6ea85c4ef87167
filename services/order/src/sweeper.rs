//! The sweeper: finds orders that wait for longer than they should, and gives them to the relay once more.
//!
//! A message may be lost although the broker had it (a queue purged or deleted, the disk of a node), or lie under a
//! constant stream of more expensive orders. Many orders that wait are no sign of it by themselves: only more than lie in
//! the queues are.

use std::time::Duration;

use bus::queue_depths;
use db::{Database, DbError, idempotency, sweeps};
use domain::{OrderNumber, OrderType};
use logging::Log;
use runtime::{Shutdown, config};
use tokio::time::sleep;

use crate::relay::Nudge;

/// Longest pause between two looks.
const MAX_INTERVAL: Duration = Duration::from_secs(30);
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// Most orders that one look lifts, or sends again of a type: the kitchen is not to drown in copies.
const BATCH: i64 = 100;
/// Waiting orders are counted up to here; behind a longer queue a loss shows when it has become shorter.
const MAX_COUNTED: i64 = 10_000;
/// Idempotency keys that one look forgets at most.
const PRUNED: i64 = 10_000;

/// What the sweeper works with.
pub struct Sweeper {
    pub db: Database,
    pub broker: config::Rabbitmq,
    /// After this time an order that nobody took is looked for.
    pub resend_after: Duration,
    /// After this time an order goes before all others.
    pub max_wait: Duration,
    pub relay: Nudge,
    pub log: Log,
}

/// Why a look was not finished.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Broker(#[from] bus::SessionError),
}

impl Sweeper {
    /// Runs until the shutdown begins. Any number of services may do so at once.
    pub async fn run(self, shutdown: &Shutdown) {
        let interval = (self.resend_after.min(self.max_wait) / 2).clamp(MIN_INTERVAL, MAX_INTERVAL);
        while shutdown.or(sleep(interval)).await.is_some() {
            if let Some(Err(why)) = shutdown.or(self.look()).await {
                let message = "Waiting orders could not be looked for; trying again";
                self.log.error("sweep_failed", message, &why).emit();
            }
        }
    }

    async fn look(&self) -> Result<(), SweepError> {
        let overdue = sweeps::lift(&self.db, self.max_wait, BATCH).await?;
        self.tell("order_lifted", "has waited for too long; it goes before all others now", &overdue);
        let waiting = sweeps::waiting(&self.db, self.resend_after, MAX_COUNTED).await?;
        if !waiting.is_empty() {
            let depths = queue_depths::of_orders(&self.broker).await?;
            for (order_type, count) in waiting {
                let lost =
                    i64::try_from(count.saturating_sub(depths.reachable_by(order_type))).unwrap_or(BATCH);
                self.send_again(order_type, lost.min(BATCH)).await?;
            }
        }
        idempotency::prune(&self.db, PRUNED).await?;
        Ok(sweeps::prune(&self.db).await?)
    }

    async fn send_again(&self, order_type: OrderType, lost: i64) -> Result<(), DbError> {
        if lost == 0 {
            return Ok(());
        }
        let sent = sweeps::send_again(&self.db, order_type, self.resend_after, lost).await?;
        self.tell("order_sent_again", "was not taken by any worker; its message is sent again", &sent);
        Ok(())
    }

    fn tell(&self, action: &'static str, what: &str, orders: &[OrderNumber]) {
        for number in orders {
            self.log
                .info(action, format!("Order {number} {what}"))
                .detail("order_number", number.to_string())
                .emit();
        }
        if !orders.is_empty() {
            self.relay.nudge();
        }
    }
}
