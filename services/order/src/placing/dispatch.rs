//! What happens to an order after the commit: it is published, its outbox row is removed, its
//! client is answered.
//!
//! The promise (docs/decisions/001-order-and-message-together.md): 200 means that the order will be
//! cooked, 500 that it will not be. So an order whose message cannot be confirmed is taken back
//! before its client hears of it. An order whose commit has an unknown outcome is looked for. What
//! a broken connection left unconfirmed is sent again with the next one, if that comes soon: the
//! kitchen drops a message that it has already.

use std::collections::HashMap;

use bus::Publisher;
use db::orders::{self, FoundOrder};
use db::{Database, DbError, outbox, transitions};
use deadlines::order::DRAIN_DEADLINE;
use domain::OrderIdentity;
use logging::{Log, action};
use runtime::retry::until_done;
use runtime::{FailedAttempt, failpoint};
use service::batching::{InFlight, InFlightGuard};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::PlaceError;
use super::sending::{Confirmed, Sender};
use super::stages::{Accepted, Stored, Unsent};

/// Owns the tasks that see stored orders through.
pub struct Dispatch {
    context: Context,
    tasks: JoinSet<()>,
    in_flight: InFlight,
}

#[derive(Clone)]
struct Context {
    db: Database,
    sender: Sender,
    accept_while_broker_down: bool,
    log: Log,
}

impl Dispatch {
    /// Nothing is in flight yet.
    pub fn new(db: &Database, publisher: Publisher, accept_while_broker_down: bool, log: Log) -> Self {
        let sender = Sender { publisher, log: log.clone() };
        // What it asks of the database it asks again, until there is an answer.
        let db = db.in_background();
        let context = Context { db, sender, accept_while_broker_down, log };
        Self { context, tasks: JoinSet::new(), in_flight: InFlight::default() }
    }

    /// The orders that were stored and wait for the broker's confirm.
    pub fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Sees the orders of a transaction through, in a task of its own: the next
    /// transaction need not wait.
    pub fn send(&mut self, orders: Vec<Stored>) {
        while self.tasks.try_join_next().is_some() {}
        // Here and not in the task: the writer's next batch counts them.
        let in_flight = self.in_flight.enter(orders.len());
        self.tasks.spawn(self.context.clone().see_through(orders, in_flight));
    }

    /// Finds out which of these orders were stored, and sees them through.
    pub fn find_out(&mut self, orders: Vec<Accepted>, why: &DbError) {
        while self.tasks.try_join_next().is_some() {}
        for order in &orders {
            let message = "It is not known whether the order was stored; finding out";
            order.log(&self.context.log).error(action::DB_TRANSACTION_FAILED, message, why).emit();
        }
        self.tasks.spawn(self.context.clone().decide(orders));
    }

    /// Waits until every stored order has been answered, for a bounded time.
    pub async fn finish(mut self) {
        let drained = timeout(DRAIN_DEADLINE, async { while self.tasks.join_next().await.is_some() {} });
        if drained.await.is_err() {
            let orders = self.tasks.len();
            self.context
                .log
                .info(action::SHUTDOWN_INCOMPLETE, format!("{orders} transactions were still being sent"))
                .emit();
        }
    }
}

impl Context {
    async fn decide(self, orders: Vec<Accepted>) {
        let identities: Vec<OrderIdentity> = orders.iter().map(|order| order.identity).collect();
        let stored = self
            .until_known("Orders of unknown outcome cannot be looked for yet; trying again", || {
                orders::find_out(&self.db, &identities)
            })
            .await;
        let mut stored: HashMap<OrderIdentity, FoundOrder> =
            stored.into_iter().map(|found| (found.order.identity, found)).collect();
        let mut found = Vec::new();
        for order in orders {
            let log = order.log(&self.log);
            if let Some(FoundOrder { order: row, sent }) = stored.remove(&order.identity) {
                log.info(action::ORDER_OUTCOME_FOUND, format!("Order {} was stored", row.number))
                    .detail("order_number", row.number.to_string())
                    .emit();
                let order = order.stored(row);
                if sent {
                    order.accept();
                } else {
                    found.push(order);
                }
            } else {
                log.info(action::ORDER_OUTCOME_FOUND, "The order was not stored and never will be").emit();
                order.refuse(PlaceError::Failed);
            }
        }
        if !found.is_empty() {
            // Not counted: a commit that had to be looked for says nothing of the broker's speed.
            self.see_through(found, InFlightGuard::uncounted()).await;
        }
    }

    async fn see_through(self, orders: Vec<Stored>, in_flight: InFlightGuard) {
        let mut sent = Confirmed::default();
        let mut unsent = self.sender.send(orders, in_flight, &mut sent).await;
        if !self.accept_while_broker_down {
            unsent = self.sender.send_with_next_connection(unsent, &mut sent).await;
        }
        failpoint::reached("order.before_settling");
        // The last confirm has come, or will not: long before the relay takes the rows for left
        // behind. Until then the answered orders' idempotency keys count as in work.
        if !sent.identities.is_empty()
            && let Err(why) = outbox::settle_orders(&self.db, &sent.identities).await
        {
            // The relay will send them once more, and the kitchen will see that it has them.
            self.log.error(action::OUTBOX_NOT_SETTLED, "Sent orders are still in the outbox", &why).emit();
        }
        for order in sent.unanswered {
            order.accept();
        }
        if !unsent.is_empty() {
            self.take_back(unsent).await;
        }
    }

    async fn take_back(&self, unsent: Vec<Unsent>) {
        for order in &unsent {
            let (stored, number) = (order.stored(), order.stored().row.number);
            let message = format!("Order {number} was not confirmed by RabbitMQ");
            stored
                .log(&self.log)
                .error(action::RABBITMQ_PUBLISH_FAILED, message, &order.why)
                .detail("order_number", number.to_string())
                .emit();
        }
        // With this setting the commit decides, and the relay sends it when the broker is back. So
        // it does with an order of a message, for which no client waits. What the broker will not
        // take then either is taken back all the same.
        let kept = |order: &&Unsent| {
            (self.accept_while_broker_down || order.stored().is_requested()) && !order.is_its_own_fault()
        };
        let to_cancel: Vec<&Unsent> = unsent.iter().filter(|order| !kept(order)).collect();
        let cancelled = if to_cancel.is_empty() { Vec::new() } else { self.cancel(&to_cancel).await };
        for order in unsent.into_iter().map(Unsent::into_stored) {
            // A worker that already has the order keeps it, and so does the queue to which
            // a relay has sent it.
            if cancelled.contains(&order.row.identity) { order.refuse() } else { order.accept() }
        }
    }

    /// Cancels what no worker has taken yet. The clients wait for it: until it is known, neither
    /// answer would be true.
    async fn cancel(&self, unsent: &[&Unsent]) -> Vec<OrderIdentity> {
        let unsent: Vec<_> = unsent
            .iter()
            .map(|order| order.stored())
            .map(|stored| transitions::Unsent {
                identity: stored.row.identity,
                request_id: stored.request_id(),
                idempotency_key: stored.idempotency_key(),
            })
            .collect();
        self.until_known("Unsent orders could not be cancelled yet; trying again", || {
            transitions::take_back(&self.db, &unsent, "the order message could not be sent")
        })
        .await
    }

    /// Asks the database until it answers. A client stops waiting before that if it takes long
    /// (`ANSWER_DEADLINE`).
    async fn until_known<T, Answer>(&self, message: &str, ask: impl FnMut() -> Answer) -> T
    where
        Answer: Future<Output = Result<T, DbError>>,
    {
        let report = |why: &DbError, failed: FailedAttempt| {
            failed.describe(self.log.error(action::DB_TRANSACTION_FAILED, message, why)).emit();
        };
        until_done(ask, report).await
    }
}
