//! The rescuer: finds orders that wait for longer than they should, and enters them into the outbox
//! again.
//!
//! - It *escalates* what has waited for longer than `kitchen.max_wait`: such an order goes before
//!   all others, whatever lies in the queues and however often it was redelivered. So a constant
//!   stream of more expensive orders starves nobody, and no miscount hides a loss for ever.
//! - It *reclaims* orders whose cook was lost.
//! - It *reroutes* what lies in the safety net, which specialised workers do not read, to
//!   the queue of its type.
//! - It *redelivers* what was lost. A message may vanish although the broker had it: a queue is
//!   purged or deleted, a node loses its disk, the power fails. Many orders that wait are no sign
//!   of it by themselves: only more than lie in their queue, or in the hands of workers, are.

mod queues;

use std::collections::HashSet;
use std::time::Duration;

use bus::DeadLetterError;
use bus::safety_net::{ClearError, UnroutedOrder};
use db::rescue::{self, Rescued};
use db::{Database, DbError, claims, idempotency, workers};
use deadlines::outbox::RESCUE_INTERVAL;
use domain::OrderType;
use logging::{Action, Log, action};
use runtime::{Shutdown, with_causes};
use tokio::time::sleep;

pub use self::queues::{Broker, KitchenQueues};
use crate::relay::Wakeup;

/// Shortest pause between two looks.
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// Most orders of a type that one pass escalates. Their messages may still be in the queue, and the
/// kitchen must not be flooded with copies.
const MAX_ESCALATED: i64 = 100;
/// Most orders of a type that are redelivered before recounting. If several services do so at once,
/// each may send as many whose message is not lost.
const MAX_REDELIVERED: usize = 1_000;
/// Waiting orders are counted up to here. Behind a longer queue a loss shows when it has become
/// shorter: what is lost came last.
const MAX_COUNTED: i64 = 10_000;
/// Idempotency keys that are forgotten together.
const PRUNED: i64 = 10_000;

/// What the rescuer works with.
pub struct Rescuer<Q> {
    pub db: Database,
    pub queues: Q,
    /// After this time an order that no worker has taken is looked for.
    pub resend_after: Duration,
    /// After this time an order goes before all others.
    pub max_wait: Duration,
    /// By then workers have written down what they held when the queues were counted.
    pub holdings_pause: Duration,
    pub relay: Wakeup,
    pub log: Log,
}

/// Why a step of a pass was not finished.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Broker(#[from] bus::SessionError),
    #[error("a message of an untrusted publisher could not be moved out of the safety net")]
    DeadLetter(#[source] DeadLetterError),
}

impl From<ClearError<DbError>> for RescueError {
    fn from(why: ClearError<DbError>) -> Self {
        match why {
            ClearError::Take(why) => Self::Database(why),
            ClearError::DeadLetter(why) => Self::DeadLetter(why),
            ClearError::Session(why) => Self::Broker(why),
        }
    }
}

impl<Q: KitchenQueues> Rescuer<Q> {
    /// Time between two passes: half of the shortest wait, so that an order is found after one and
    /// a half times its wait at the latest.
    pub fn interval(&self) -> Duration {
        (self.resend_after.min(self.max_wait) / 2).clamp(MIN_INTERVAL, RESCUE_INTERVAL)
    }

    /// Runs until the shutdown begins. Any number of services may do so at once.
    pub async fn run(&self, shutdown: &Shutdown) {
        while shutdown.or(sleep(self.interval())).await.is_some() {
            if shutdown.or(self.pass()).await.is_none() {
                return;
            }
        }
    }

    /// One pass: every step, even if others fail. A cause that stops several steps is logged once.
    pub async fn pass(&self) {
        let mut logged = HashSet::new();
        self.report(self.escalate().await, &mut logged);
        self.report(self.reclaim().await, &mut logged);
        self.report(self.compare_with_queues(&mut logged).await, &mut logged);
        self.report(self.prune().await, &mut logged);
    }

    fn report(&self, outcome: Result<(), RescueError>, logged: &mut HashSet<String>) {
        if let Err(why) = outcome
            && logged.insert(with_causes(&why))
        {
            let message = "Waiting orders could not be looked for; trying again";
            let pause = u64::try_from(self.interval().as_millis()).unwrap_or(u64::MAX);
            self.log.error(action::SWEEP_FAILED, message, &why).detail("retry_in_ms", pause).emit();
        }
    }

    /// Orders that have waited for too long, whatever lies in the queues.
    async fn escalate(&self) -> Result<(), RescueError> {
        for order_type in OrderType::ALL {
            let overdue = rescue::escalate(&self.db, order_type, self.max_wait, MAX_ESCALATED).await?;
            self.hand_over(
                action::ORDER_LIFTED,
                "has waited for too long; it goes before all others now",
                &overdue,
            );
        }
        Ok(())
    }

    /// Orders whose cook was lost.
    async fn reclaim(&self) -> Result<(), RescueError> {
        claims::correct_leases(&self.db).await?;
        for order_type in OrderType::ALL {
            let abandoned = rescue::reclaim(&self.db, order_type, self.resend_after, MAX_ESCALATED).await?;
            let what = "was left by its cook; it goes before all others now";
            self.hand_over(action::ORDER_SENT_AGAIN, what, &abandoned);
        }
        Ok(())
    }

    /// The steps that need the broker. It is not asked while nothing waits.
    async fn compare_with_queues(&self, logged: &mut HashSet<String>) -> Result<(), RescueError> {
        if !self.anything_waits().await? {
            return Ok(());
        }
        // A queue that cannot be declared concerns its type only.
        self.report(self.queues.declare().await.map_err(RescueError::from), logged);
        self.report(self.reroute().await, logged);
        // A broker that has lost its disk is filled again at once.
        while self.redeliver().await? {}
        Ok(())
    }

    /// Whether an order has waited for half the time already. What lies in the safety net must be
    /// rerouted within the whole time.
    async fn anything_waits(&self) -> Result<bool, RescueError> {
        for order_type in OrderType::ALL {
            if !rescue::waiting(&self.db, order_type, self.resend_after / 2, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Orders in the safety net are entered into the outbox again: their queues are back, and may
    /// be the only ones that are read. What is no order stays for a general worker, which says why
    /// it cannot be cooked. What an untrusted publisher sent goes to the dead letters.
    async fn reroute(&self) -> Result<(), RescueError> {
        let take = async |strays: &[UnroutedOrder]| {
            let pointer = |stray: &UnroutedOrder| rescue::UnroutedMessage {
                number: stray.order.order_number,
                identity: stray.identity,
            };
            let rerouted = rescue::reroute(&self.db, &strays.iter().map(pointer).collect::<Vec<_>>()).await?;
            let what = "lay in the safety net; its message is sent again";
            self.hand_over(action::ORDER_SENT_AGAIN, what, &rerouted.entered);
            Ok(rerouted.known)
        };
        Ok(self.queues.clear_safety_net(take).await?)
    }

    /// As many orders as wait without a message. Returns whether there may be more of them.
    ///
    /// The waiting orders are read before and after the queues are counted. So an order whose
    /// message moves meanwhile, from the outbox into a queue or from there to a worker, does not
    /// count as lost.
    async fn redeliver(&self) -> Result<bool, RescueError> {
        let mut waiting = Vec::new();
        for order_type in OrderType::ALL {
            let orders = rescue::waiting(&self.db, order_type, self.resend_after, MAX_COUNTED).await?;
            if !orders.is_empty() {
                waiting.push((order_type, orders));
            }
        }
        if waiting.is_empty() {
            return Ok(false);
        }
        let queues = self.queues.messages().await?;
        if workers::any_may_hold(&self.db).await? {
            sleep(self.holdings_pause).await;
        }
        let mut more = false;
        for (order_type, orders) in waiting {
            let orders = rescue::still_waiting(&self.db, &orders, self.resend_after).await?;
            let lost = lost(orders.len(), queues.messages_in_queue_of(order_type)).min(MAX_REDELIVERED);
            if lost > 0 {
                let limit = i64::try_from(lost).unwrap_or(i64::MAX);
                let sent = rescue::redeliver(&self.db, &orders, self.resend_after, limit).await?;
                more |= sent.len() == MAX_REDELIVERED;
                let what = "was not taken by any worker; its message is sent again";
                self.hand_over(action::ORDER_SENT_AGAIN, what, &sent);
            }
        }
        Ok(more)
    }

    async fn prune(&self) -> Result<(), RescueError> {
        while idempotency::prune(&self.db, PRUNED).await? == PRUNED.unsigned_abs() {}
        Ok(rescue::prune(&self.db).await?)
    }

    /// Logs the orders that were entered into the outbox, each under the request that placed it,
    /// and wakes the relay.
    fn hand_over(&self, action: Action, what: &str, orders: &[Rescued]) {
        for Rescued { number, request_id } in orders {
            self.log
                .with_request_id(request_id.clone())
                .info(action, format!("Order {number} {what}"))
                .detail("order_number", number.to_string())
                .emit();
        }
        if !orders.is_empty() {
            self.relay.wake();
        }
    }
}

/// How many messages are lost if so many orders of a type wait and so many messages are there.
/// There may be more messages than orders: copies.
fn lost(waiting: usize, messages: u64) -> usize {
    waiting.saturating_sub(usize::try_from(messages).unwrap_or(usize::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use bus::{DeadLetterPublisher, Publisher};
    use db::Access;
    use domain::ServiceName;

    use super::*;

    #[tokio::test]
    async fn a_cause_that_stops_every_step_is_logged_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (log, flush) = logging::start_on("test", logging::Level::Debug, file.reopen().unwrap());
        let nowhere =
            config::Database { host: "127.0.0.1".to_owned(), port: 1, ..config::Database::default() };
        // It is not asked before the database.
        let broker = config::Rabbitmq::default();
        let (publisher, publishing) = Publisher::start(&broker, ServiceName::Order, "test", &[], &log);
        publishing.abort();
        let dead_letters = DeadLetterPublisher::new(publisher);
        let rescuer = Rescuer {
            db: Database::new(&nowhere, "test", Access::ReadWrite).unwrap(),
            queues: Broker { settings: broker, dead_letters, log: log.clone() },
            resend_after: Duration::from_mins(1),
            max_wait: Duration::from_mins(10),
            holdings_pause: Duration::ZERO,
            relay: Wakeup::default(),
            log,
        };
        // Each pass logs it again.
        rescuer.pass().await;
        rescuer.pass().await;
        drop((rescuer, flush));
        let lines = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(lines.matches("sweep_failed").count(), 2, "{lines}");
    }
}
