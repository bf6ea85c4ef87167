//! The sweeper: finds orders that wait for longer than they should, and gives them to the relay once more.
//!
//! A message may be lost although the broker had it (a queue purged or deleted, the disk of a node, a power cut), or lie under a
//! constant stream of more expensive orders. Many orders that wait are no sign of it by themselves: only more than lie in
//! the queues are.

use std::time::Duration;

use bus::inspection;
use db::{Database, DbError, idempotency, sweeps};
use domain::{OrderNumber, OrderType};
use logging::Log;
use runtime::{Shutdown, config};
use tokio::time::sleep;

use crate::relay::Nudge;

/// Longest pause between two looks.
const MAX_INTERVAL: Duration = Duration::from_secs(30);
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// Most orders of a type that one look lifts: their messages may well be there, and the kitchen is not to drown in copies.
const MOST_LIFTED: i64 = 100;
/// Most orders of a type that are sent again before it is counted anew what is lost. If several services look at once, each may
/// send as many of which there is a message.
const SENT_TOGETHER: i64 = 1_000;
/// Waiting orders are counted up to here. Behind a longer queue a loss shows when it has become shorter: what is lost came last.
const MAX_COUNTED: i64 = 10_000;
/// Idempotency keys that are forgotten together.
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

/// Why a step of a look was not finished.
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
            // Whatever becomes of the others.
            for outcome in [
                shutdown.or(self.lift()).await,
                shutdown.or(self.send_again()).await,
                shutdown.or(self.prune()).await,
            ] {
                if let Some(Err(why)) = outcome {
                    let message = "Waiting orders could not be looked for; trying again";
                    self.log.error("sweep_failed", message, &why).emit();
                }
            }
        }
    }

    /// Orders that have waited for too long, and those whose cook was lost, whatever lies in the queues.
    async fn lift(&self) -> Result<(), SweepError> {
        for order_type in OrderType::ALL {
            let overdue = sweeps::lift(&self.db, order_type, self.max_wait, MOST_LIFTED).await?;
            self.tell("order_lifted", "has waited for too long; it goes before all others now", &overdue);
            let abandoned =
                sweeps::free_abandoned(&self.db, order_type, self.resend_after, MOST_LIFTED).await?;
            self.tell("order_sent_again", "was left by its cook; it goes before all others now", &abandoned);
        }
        Ok(())
    }

    /// As many orders as wait without a message in a queue. A broker that has lost its disk is filled again at once.
    async fn send_again(&self) -> Result<(), SweepError> {
        while self.send_some_again().await? {}
        Ok(())
    }

    /// Whether there may be more of them.
    async fn send_some_again(&self) -> Result<bool, SweepError> {
        let mut queues = None;
        let mut more = false;
        for order_type in OrderType::ALL {
            let waiting = sweeps::waiting(&self.db, order_type, self.resend_after, MAX_COUNTED).await?;
            if waiting == 0 {
                continue;
            }
            let queues = match &mut queues {
                Some(queues) => queues,
                unasked => unasked.insert(inspection::declared_kitchen_queues(&self.broker).await?),
            };
            let lost = waiting.saturating_sub(queues.messages_of(order_type));
            if lost > 0 {
                let limit = i64::try_from(lost).unwrap_or(SENT_TOGETHER).min(SENT_TOGETHER);
                let sent = sweeps::send_again(&self.db, order_type, self.resend_after, limit).await?;
                more |= i64::try_from(sent.len()).is_ok_and(|sent| sent == SENT_TOGETHER);
                self.tell(
                    "order_sent_again",
                    "was not taken by any worker; its message is sent again",
                    &sent,
                );
            }
        }
        Ok(more)
    }

    async fn prune(&self) -> Result<(), SweepError> {
        while idempotency::prune(&self.db, PRUNED).await? == PRUNED.unsigned_abs() {}
        Ok(sweeps::prune(&self.db).await?)
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
