//! What happens to an order after the commit: it is published, its outbox row goes, its client is
//! answered.
//!
//! The promise (docs/decisions/001-order-and-message-together.md): 200 means it will be cooked, 500
//! that it will not be. So an order whose message cannot be confirmed is taken back before the
//! client hears of it, and an order whose commit has an unknown outcome is looked for. What a
//! connection that broke left unconfirmed is sent again with the next one, if that comes soon: the
//! kitchen drops a message that it has already.

use std::collections::HashMap;
use std::time::Duration;

use bus::publisher::CONNECTION_WAIT;
use bus::{Confirm, Outgoing, PublishError, Publisher};
use db::orders::{self, FoundOrder, PlacedOrder};
use db::transitions;
use db::{Database, DbError, outbox};
use domain::{OrderIdentity, OrderMessage};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use logging::Log;
use runtime::{Backoff, failpoint};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::placement::{NotPlaced, Placement};
use crate::under_way::UnderWay;

/// Longest time that orders under way get when the service stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(12);

/// Owns the tasks that see stored orders through.
pub struct Dispatch {
    context: Context,
    tasks: JoinSet<()>,
    under_way: UnderWay,
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

/// A stored order that was not sent.
struct Unsent {
    placement: Placement,
    stored: PlacedOrder,
    why: NotSent,
}

impl Unsent {
    fn may_pass(&self) -> bool {
        matches!(&self.why, NotSent::Publish(why) if why.may_pass_with_next_connection())
    }

    /// Whether it would not be sent later either.
    fn is_its_own_fault(&self) -> bool {
        matches!(&self.why, NotSent::Publish(why) if why.is_the_messages_own())
    }
}

/// A message on its way.
struct Sending {
    routing_key: String,
    confirm: Confirm,
}

impl Dispatch {
    /// Nothing is under way yet.
    pub fn new(db: Database, publisher: Publisher, accept_while_broker_down: bool, log: Log) -> Self {
        let context = Context { db, publisher, accept_while_broker_down, log };
        Self { context, tasks: JoinSet::new(), under_way: UnderWay::default() }
    }

    /// The orders that were stored and wait for the broker's confirm.
    pub fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// Sees the orders of a transaction through, in a task of its own: the next
    /// transaction need not wait.
    pub fn send(&mut self, mut orders: Vec<(Placement, PlacedOrder)>) {
        while self.tasks.try_join_next().is_some() {}
        for (placement, _) in &mut orders {
            placement.counted = Some(self.under_way.count());
        }
        self.tasks.spawn(self.context.clone().see_through(orders));
    }

    /// Finds out which of these orders were stored, and sees them through.
    pub fn find_out(&mut self, orders: Vec<Placement>, why: &DbError) {
        while self.tasks.try_join_next().is_some() {}
        for placement in &orders {
            let message = "It is not known whether the order was stored; finding out";
            placement.log(&self.context.log).error("db_transaction_failed", message, why).emit();
        }
        self.tasks.spawn(self.context.clone().decide(orders));
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
    async fn decide(self, orders: Vec<Placement>) {
        let identities: Vec<OrderIdentity> = orders.iter().map(|placement| placement.identity).collect();
        let stored = self
            .until_known("Orders of unknown outcome cannot be looked for yet; trying again", || {
                orders::find_out(&self.db, &identities)
            })
            .await;
        let mut stored: HashMap<OrderIdentity, FoundOrder> =
            stored.into_iter().map(|found| (found.order.identity, found)).collect();
        let mut found = Vec::new();
        for placement in orders {
            let log = placement.log(&self.log);
            if let Some(FoundOrder { order, sent }) = stored.remove(&placement.identity) {
                log.info("order_outcome_found", format!("Order {} was stored", order.number))
                    .detail("order_number", order.number.to_string())
                    .emit();
                if sent {
                    placement.answer(Ok(order.number));
                } else {
                    found.push((placement, order));
                }
            } else {
                log.info("order_outcome_found", "The order was not stored and never will be").emit();
                placement.answer(Err(NotPlaced::Refused));
            }
        }
        if !found.is_empty() {
            self.see_through(found).await;
        }
    }

    async fn see_through(self, orders: Vec<(Placement, PlacedOrder)>) {
        let mut sent = Vec::with_capacity(orders.len());
        let mut unsent = self.send(orders, &mut sent).await;
        if !self.accept_while_broker_down {
            unsent = self.send_with_next_connection(unsent, &mut sent).await;
        }
        failpoint::reached("order.before_settling");
        // The last confirm has come, or will not: long before the relay takes the rows for left
        // behind. Until then the answered orders' idempotency keys count as in work.
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

    /// Sends them and answers those that are confirmed, whose identities go to `sent`; returns the
    /// others.
    async fn send(
        &self,
        orders: Vec<(Placement, PlacedOrder)>,
        sent: &mut Vec<OrderIdentity>,
    ) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        let mut unconfirmed = FuturesUnordered::new();
        for (placement, stored) in orders {
            let sending = self.publish(&placement, stored).await;
            unconfirmed.push(async move { (placement, stored, Self::confirmed(sending).await) });
        }
        // As the confirms come, in any order: a slow one holds up no other answer.
        while let Some((mut placement, stored, confirmed)) = unconfirmed.next().await {
            placement.counted = None;
            match confirmed {
                Ok(routing_key) => {
                    failpoint::reached("order.before_answer");
                    let log = placement.log(&self.log);
                    // The client first: it waits.
                    placement.answer(Ok(stored.number));
                    log.debug("order_published", format!("Sent order {} to the kitchen", stored.number))
                        .detail("order_number", stored.number.to_string())
                        .detail("routing_key", routing_key)
                        .emit();
                    sent.push(stored.identity);
                }
                Err(why) => unsent.push(Unsent { placement, stored, why }),
            }
        }
        unsent
    }

    /// Sends what a broken connection left unconfirmed once more, as long as the next one comes
    /// soon. A message that has arrived all the same does no harm: the claim decides. Returns what
    /// is not sent.
    async fn send_with_next_connection(
        &self,
        unsent: Vec<Unsent>,
        sent: &mut Vec<OrderIdentity>,
    ) -> Vec<Unsent> {
        let deadline = Instant::now() + CONNECTION_WAIT;
        let (mut again, mut rest): (Vec<_>, Vec<_>) = unsent.into_iter().partition(Unsent::may_pass);
        while let Some(first) = again.first() {
            if Instant::now() >= deadline || self.publisher.connected_for_orders().await.is_err() {
                break;
            }
            let message =
                format!("{} orders were not confirmed by RabbitMQ; sending them again", again.len());
            self.log.error("rabbitmq_publish_failed", message, &first.why).emit();
            let orders = again.into_iter().map(|unsent| (unsent.placement, unsent.stored)).collect();
            let (more, others): (Vec<_>, Vec<_>) =
                self.send(orders, sent).await.into_iter().partition(Unsent::may_pass);
            again = more;
            rest.extend(others);
        }
        rest.extend(again);
        rest
    }

    async fn publish(&self, placement: &Placement, stored: PlacedOrder) -> Result<Sending, NotSent> {
        let order = OrderMessage::of(stored.number, &placement.order);
        let placed_at = stored.placed_at.into();
        let message = Outgoing::order(&order, Some(&stored.identity), placed_at, &placement.request_id)?;
        let routing_key = message.routing_key().to_owned();
        let confirm = self.publisher.send(message).await;
        failpoint::reached("order.published");
        Ok(Sending { routing_key, confirm })
    }

    /// The key with which the message went, once the broker has confirmed it.
    async fn confirmed(sending: Result<Sending, NotSent>) -> Result<String, NotSent> {
        let Sending { routing_key, confirm } = sending?;
        confirm.received().await?;
        Ok(routing_key)
    }

    async fn take_back(&self, unsent: Vec<Unsent>) {
        for Unsent { placement, stored, why } in &unsent {
            let message = format!("Order {} was not confirmed by RabbitMQ", stored.number);
            placement
                .log(&self.log)
                .error("rabbitmq_publish_failed", message, why)
                .detail("order_number", stored.number.to_string())
                .emit();
        }
        // With this setting the commit decides, and the relay sends it when the broker is back.
        // What the broker will not take then either is taken back all the same.
        let kept = |unsent: &&Unsent| self.accept_while_broker_down && !unsent.is_its_own_fault();
        let to_cancel: Vec<&Unsent> = unsent.iter().filter(|unsent| !kept(unsent)).collect();
        let cancelled = if to_cancel.is_empty() { Vec::new() } else { self.cancel(&to_cancel).await };
        for Unsent { placement, stored, .. } in unsent {
            // A worker that already has the order keeps it, and so does the queue to which
            // a relay has sent it.
            let refused = cancelled.contains(&stored.identity);
            placement.answer(if refused { Err(NotPlaced::Refused) } else { Ok(stored.number) });
        }
    }

    /// Cancels what no worker has taken yet. The clients wait for it: until it is known, neither
    /// answer would be true.
    async fn cancel(&self, unsent: &[&Unsent]) -> Vec<OrderIdentity> {
        let unsent: Vec<_> = unsent
            .iter()
            .map(|Unsent { placement, stored, .. }| transitions::Unsent {
                identity: stored.identity,
                request_id: &placement.request_id,
                idempotency_key: placement.key.as_ref().map(|key| key.request().key.as_str()),
            })
            .collect();
        self.until_known("Unsent orders could not be cancelled yet; trying again", || {
            transitions::take_back(&self.db, &unsent, "the order message could not be sent")
        })
        .await
    }

    /// Asks the database until it answers. A client stops waiting before that if it takes long
    /// (`ANSWER_DEADLINE`).
    async fn until_known<T, Answer>(&self, message: &str, mut ask: impl FnMut() -> Answer) -> T
    where
        Answer: Future<Output = Result<T, DbError>>,
    {
        let mut backoff = Backoff::for_server();
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(why) => {
                    self.log.error("db_transaction_failed", message, &why).emit();
                    sleep(backoff.next_pause()).await;
                }
            }
        }
    }
}
