//! The task that stores orders: what queued up while the last transaction ran shares the next one.
//!
//! An order that comes alone is stored at once; nothing here waits for company.

use bus::{PublishError, Publisher};
use db::{Database, DbError, orders};
use domain::{NewOrder, OrderNumber, RequestId};
use logging::Log;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::admission::Place;
use crate::dispatch::{Dispatch, Stored};

/// Most orders that share a transaction.
const MAX_BATCH: usize = 128;

/// A handle to the task; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Placement>,
}

/// An order on its way, and everything that it needs until its client is answered.
pub struct Placement {
    pub order: NewOrder,
    pub request_id: RequestId,
    reply: oneshot::Sender<Result<OrderNumber, NotPlaced>>,
    /// Held until the client is answered.
    _place: Place,
}

/// The order will not be cooked. The log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPlaced;

impl Placement {
    fn log(&self, log: &Log) -> Log {
        log.with_request_id(self.request_id.clone())
    }

    /// Tells the client, who may have hung up.
    pub fn answer(self, result: Result<OrderNumber, NotPlaced>) {
        let _ = self.reply.send(result);
    }
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
        let (queue, incoming) = mpsc::channel(capacity);
        let dispatch = Dispatch::new(db.clone(), publisher.clone(), accept_while_broker_down, log.clone());
        let task = Task { db, publisher, accept_while_broker_down, dispatch, log };
        (Self { queue }, tokio::spawn(task.run(incoming)))
    }

    /// Stores an order and sends it to the kitchen. It is carried through even if the caller goes away.
    ///
    /// # Errors
    /// It was not stored, or could not be sent and was taken back.
    pub async fn place(
        &self,
        order: NewOrder,
        request_id: RequestId,
        place: Place,
    ) -> Result<OrderNumber, NotPlaced> {
        let (reply, answer) = oneshot::channel();
        let placement = Placement { order, request_id, reply, _place: place };
        self.queue.send(placement).await.map_err(|_| NotPlaced)?;
        answer.await.unwrap_or(Err(NotPlaced))
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
    async fn run(mut self, mut incoming: mpsc::Receiver<Placement>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while incoming.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let batch = std::mem::take(&mut batch);
            if self.publisher.can_send_orders() || self.accept_while_broker_down {
                self.store(batch).await;
            } else {
                self.refuse(batch);
            }
        }
        self.dispatch.finish().await;
    }

    /// The broker is known to be away: nothing is written.
    fn refuse(&self, batch: Vec<Placement>) {
        for placement in batch {
            let message = "The order was refused: RabbitMQ is away";
            placement
                .log(&self.log)
                .error("rabbitmq_publish_failed", message, &PublishError::NotConnected)
                .emit();
            placement.answer(Err(NotPlaced));
        }
    }

    async fn store(&mut self, batch: Vec<Placement>) {
        match self.insert(&batch).await {
            Ok(stored) => self.dispatch.send(batch.into_iter().zip(stored)),
            // One order that the database refuses must not take its neighbours with it.
            Err(why) if why.is_permanent() && batch.len() > 1 => {
                for placement in batch {
                    Box::pin(self.store(vec![placement])).await;
                }
            }
            Err(why) => {
                for placement in batch {
                    placement
                        .log(&self.log)
                        .error("db_transaction_failed", "The order could not be stored", &why)
                        .emit();
                    placement.answer(Err(NotPlaced));
                }
            }
        }
    }

    async fn insert(&self, batch: &[Placement]) -> Result<Vec<Stored>, DbError> {
        let orders: Vec<_> =
            batch.iter().map(|placement| (&placement.order, &placement.request_id)).collect();
        orders::place(&self.db, &orders).await
    }
}
