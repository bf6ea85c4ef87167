//! The task that stores orders. What queued up while the last transaction ran shares the next one.
//!
//! An order that comes alone is stored at once. When the broker is slower than the database, orders
//! wait here until more have come, rather than in the broker's queue: the fewer transactions, the
//! less each order costs.

use std::time::Duration;

use bus::{PublishError, Publisher};
use db::orders::{self, PlaceOutcome};
use db::{Database, DbError, idempotency};
use deadlines::order::ANSWER_DEADLINE;
use logging::{Action, Log, action};
use runtime::failpoint;
use service::batching::{self, Batches, Settled, settle};
use telemetry::labels::Batch;
use telemetry::metrics::STOCK_REFUSALS;
use telemetry::traces::conventions;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::dispatch::Dispatch;
use super::error::PlaceError;
use super::idempotency::KeyGuard;
use super::stages::{Accepted, Answer, Counted, Outcome};
use crate::menu::FromMenu;

/// Most orders that share a transaction.
const MAX_BATCH: usize = 128;
/// Longest time that a transaction waits for more orders. A broker that is busy confirms within
/// milliseconds; with one that is frozen, or under an alarm, orders are stored as if there were
/// none.
const MAX_LINGER: Duration = Duration::from_millis(20);

/// A handle to the task; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Accepted>,
}

impl Writer {
    /// Starts the task. It ends when all handles are dropped and everything has been answered.
    pub fn start(
        db: Database,
        publisher: Publisher,
        accept_while_broker_down: bool,
        capacity: usize,
        log: Log,
    ) -> (Self, JoinHandle<()>) {
        let (queue, batches) = batching::queue(capacity, MAX_BATCH);
        let dispatch = Dispatch::new(&db, publisher.clone(), accept_while_broker_down, log.clone());
        // Fewer, larger transactions cost less, and the broker is the slower of the two.
        let batches = batches.lingering(dispatch.in_flight().clone(), MAX_LINGER);
        let task = Task { db, publisher, accept_while_broker_down, dispatch, log };
        (Self { queue }, tokio::spawn(task.run(batches)))
    }

    /// Stores an order and sends it to the kitchen. It is carried through even if
    /// the caller goes away.
    ///
    /// # Errors
    /// It was not stored, or could not be sent and was taken back; or it is not
    /// known in time which. What is not known yet is counted when it is.
    pub async fn place(&self, accepted: Accepted, answer: Answer) -> Outcome {
        if self.queue.send(accepted).await.is_err() {
            return (Err(PlaceError::Failed), Counted::default());
        }
        match timeout(ANSWER_DEADLINE, answer).await {
            Ok(Ok(outcome)) => outcome,
            // The service ends before it was found out.
            Ok(Err(_)) | Err(_) => (Err(PlaceError::OutcomeUnknown), Counted::default()),
        }
    }
}

struct Task {
    db: Database,
    publisher: Publisher,
    accept_while_broker_down: bool,
    dispatch: Dispatch,
    log: Log,
}

impl Task {
    async fn run(mut self, mut batches: Batches<Accepted>) {
        while let Some(batch) = batches.next().await {
            let batch = if self.accept_while_broker_down { batch } else { self.sendable(batch).await };
            if !batch.is_empty() {
                self.store(batch).await;
            }
        }
        self.dispatch.finish().await;
    }

    /// Those that can be sent once they are stored; the others are refused, and nothing is written.
    /// They wait for a connection that is being made.
    async fn sendable(&self, batch: Vec<Accepted>) -> Vec<Accepted> {
        let refuse = |batch, why: &PublishError| {
            let message = "The order was refused: it cannot be sent to the kitchen now";
            self.refuse(batch, &PlaceError::Failed, action::RABBITMQ_PUBLISH_FAILED, message, why);
        };
        if let Err(why) = self.publisher.connected_for_orders().await {
            refuse(batch, &why);
            return Vec::new();
        }
        let mut sendable = Vec::with_capacity(batch.len());
        for order in batch {
            match self.publisher.refusal_of(order.order.fulfilment.order_type()) {
                None => sendable.push(order),
                Some(why) => refuse(vec![order], &why),
            }
        }
        sendable
    }

    /// Nothing was written.
    fn refuse(
        &self,
        batch: Vec<Accepted>,
        answer: &PlaceError,
        action: Action,
        message: &str,
        why: &dyn std::error::Error,
    ) {
        for order in batch {
            order.log(&self.log).error(action, message, why).emit();
            order.refuse(answer.clone());
        }
    }

    async fn store(&mut self, batch: Vec<Accepted>) {
        const MESSAGE: &str = "The order could not be stored";
        failpoint::reached("order.before_commit");
        let began = Instant::now();
        let traces = batch.iter().map(|order| order.request_id.trace());
        let mut span = conventions::statement(Batch::Place, traces, batch.len());
        let outcome = self.insert(&batch).await;
        if outcome.is_err() {
            conventions::failed(&mut span, "database");
        }
        drop(span);
        batching::count(Batch::Place, batch.len(), began.elapsed());
        let is_refusal = |why: &DbError| why.is_permanent() && !why.is_in_doubt();
        match settle(batch, outcome, is_refusal) {
            Settled::Done(orders, outcomes) => {
                failpoint::reached("order.committed");
                let mut stored = Vec::with_capacity(orders.len());
                for (order, outcome) in orders.into_iter().zip(outcomes) {
                    match outcome {
                        PlaceOutcome::Placed(row) => stored.push(order.stored(row)),
                        PlaceOutcome::OutOfStock(shortages) => {
                            STOCK_REFUSALS.inc();
                            order.out_of_stock(&shortages);
                        }
                        PlaceOutcome::Repeated => order.refuse(PlaceError::Repeated),
                    }
                }
                if !stored.is_empty() {
                    self.dispatch.send(stored);
                }
            }
            // One order that the database refuses must not take its neighbours with it.
            Settled::OneByOne(orders) => {
                for order in orders {
                    Box::pin(self.store(vec![order])).await;
                }
            }
            Settled::Failed(orders, why) if why.is_in_doubt() => self.dispatch.find_out(orders, &why),
            Settled::Failed(orders, why) if idempotency::is_key_taken(&why) => {
                for order in orders {
                    order.refuse(PlaceError::KeyInFlight);
                }
            }
            Settled::Failed(orders, why) => {
                let answer = if why.is_about_values() { PlaceError::Unstorable } else { PlaceError::Failed };
                self.refuse(orders, &answer, action::DB_TRANSACTION_FAILED, MESSAGE, &why);
            }
        }
    }

    async fn insert(&self, batch: &[Accepted]) -> Result<Vec<PlaceOutcome>, DbError> {
        let placements: Vec<_> = batch
            .iter()
            .map(|order| orders::Placement {
                identity: order.identity,
                order: &order.order,
                request_id: &order.request_id,
                idempotency: order.key.as_ref().map(KeyGuard::request),
                request: order.request,
                from_menu: order
                    .from_menu
                    .as_ref()
                    .map(|FromMenu { demand, adjustments, .. }| orders::FromMenu { demand, adjustments }),
            })
            .collect();
        orders::place(&self.db, &placements).await
    }
}
