//! What happens to an order after the commit: it is published, its outbox row goes, its client is answered.
//!
//! The promise (ARCHITECTURE, "Order and message together"): 200 means it will be cooked, 500 that it will not be.
//! So an order whose message cannot be confirmed is taken back before the client hears of it.

use std::time::Duration;

use bus::{Outgoing, PublishError, Publisher};
use db::orders::{self, PlacedOrder};
use db::{Database, outbox};
use domain::{OrderMessage, OrderNumber};
use logging::Log;
use runtime::Backoff;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::writer::{NotPlaced, Placement};

/// An order with its row and number.
pub type Stored = PlacedOrder;

/// Longest time that orders under way get when the service stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(12);

/// Owns the tasks that see stored orders through.
pub struct Dispatch {
    context: Context,
    tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Context {
    db: Database,
    publisher: Publisher,
    accept_while_broker_down: bool,
    log: Log,
}

/// Why an order was not sent.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("the order message could not be written")]
    Body(#[from] serde_json::Error),
}

impl Dispatch {
    /// Nothing is under way yet.
    pub fn new(db: Database, publisher: Publisher, accept_while_broker_down: bool, log: Log) -> Self {
        let context = Context { db, publisher, accept_while_broker_down, log };
        Self { context, tasks: JoinSet::new() }
    }

    /// Sees the orders of a transaction through, in a task of its own: the next transaction need not wait.
    pub fn send(&mut self, orders: impl Iterator<Item = (Placement, Stored)>) {
        while self.tasks.try_join_next().is_some() {}
        let (context, orders) = (self.context.clone(), orders.collect());
        self.tasks.spawn(context.see_through(orders));
    }

    /// Waits until everything that is under way has been answered, for a bounded time.
    pub async fn finish(mut self) {
        let drained = timeout(DRAIN_DEADLINE, async { while self.tasks.join_next().await.is_some() {} });
        if drained.await.is_err() {
            let orders = self.tasks.len();
            self.context
                .log
                .info("shutdown_incomplete", format!("{orders} transactions were still being sent"))
                .emit();
        }
    }
}

impl Context {
    async fn see_through(self, orders: Vec<(Placement, Stored)>) {
        let mut publishing = JoinSet::new();
        for (placement, stored) in orders {
            let context = self.clone();
            publishing.spawn(async move {
                let sent = context.publish(&placement, stored).await;
                (placement, stored, sent)
            });
        }
        let mut sent = Vec::new();
        let mut unsent = Vec::new();
        while let Some(finished) = publishing.join_next().await {
            match finished {
                Ok((placement, stored, Ok(()))) => {
                    placement.answer(Ok(stored.number));
                    sent.push(stored.id);
                }
                Ok((placement, stored, Err(why))) => unsent.push((placement, stored, why)),
                // The panic hook reported it; the relay finds the order.
                Err(_) => {}
            }
        }
        if !sent.is_empty()
            && let Err(why) = outbox::settle_orders(&self.db, &sent).await
        {
            // The relay will send them once more, and the kitchen will see that it has them.
            self.log.error("outbox_not_settled", "Sent orders are still in the outbox", &why).emit();
        }
        if !unsent.is_empty() {
            self.take_back(unsent).await;
        }
    }

    async fn publish(&self, placement: &Placement, stored: Stored) -> Result<(), NotSent> {
        let order = OrderMessage::of(stored.number, &placement.order);
        let message = Outgoing::order(&order, stored.placed_at.into(), &placement.request_id)?;
        let routing_key = message.routing_key().to_owned();
        self.publisher.publish(message).await?;
        self.log
            .with_request_id(placement.request_id.clone())
            .debug("order_published", format!("Sent order {} to the kitchen", stored.number))
            .detail("order_number", stored.number.to_string())
            .detail("routing_key", routing_key)
            .emit();
        Ok(())
    }

    async fn take_back(&self, unsent: Vec<(Placement, Stored, NotSent)>) {
        for (placement, stored, why) in &unsent {
            self.log
                .with_request_id(placement.request_id.clone())
                .error(
                    "rabbitmq_publish_failed",
                    format!("Order {} was not confirmed by RabbitMQ", stored.number),
                    why,
                )
                .detail("order_number", stored.number.to_string())
                .emit();
        }
        let cancelled = if self.accept_while_broker_down {
            // The commit decides; the relay sends it when the broker is back.
            Vec::new()
        } else {
            let ids: Vec<i32> = unsent.iter().map(|(_, stored, _)| stored.id).collect();
            self.cancel(&ids).await
        };
        for (placement, stored, _) in unsent {
            placement.answer(verdict(stored, &cancelled));
        }
    }

    /// Cancels what no worker has taken yet. The clients wait for it: until it is known, neither answer would be true.
    async fn cancel(&self, ids: &[i32]) -> Vec<i32> {
        let mut backoff = Backoff::for_server();
        loop {
            match orders::cancel_unsent(&self.db, ids, "the order message could not be sent").await {
                Ok(cancelled) => return cancelled,
                Err(why) => {
                    self.log
                        .error(
                            "db_transaction_failed",
                            "Unsent orders could not be cancelled yet; trying again",
                            &why,
                        )
                        .emit();
                    sleep(backoff.next_pause()).await;
                }
            }
        }
    }
}

/// A worker that already has the order keeps it.
fn verdict(stored: Stored, cancelled: &[i32]) -> Result<OrderNumber, NotPlaced> {
    if cancelled.contains(&stored.id) { Err(NotPlaced) } else { Ok(stored.number) }
}
