//! Consuming with few permits. While a permit is free, every queue has a consumer. When none is
//! free, all consumers are cancelled, and surplus deliveries are requeued for an idle worker. Of
//! deliveries that arrive together, the highest priority gets the permit.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use amqprs::channel::BasicQosArguments;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::Sequence;
use super::consumer::Consumer;
use crate::consuming::leased_delivery::Permit;
use crate::delivery::Delivery;
use crate::session::{Session, SessionError, rpc};

/// The shortest wait for the messages that were ready when the last consumer started.
const MIN_BATCH_WAIT: Duration = Duration::from_millis(1);

/// How long consumers stay after a single delivery took the last permit. The order is claimed and
/// published before RabbitMQ gets another request.
const LINGER: Duration = Duration::from_millis(5);

/// One consumer per queue, or none.
pub(in crate::consuming) struct ExactPrefetch {
    queues: Vec<&'static str>,
    permits: Arc<Semaphore>,
    sequence: Sequence,
    consumers: Vec<Consumer>,
    started: u64,
    /// Until then, deliveries count as one batch: they were ready when the consumers started.
    batch_until: Instant,
    /// Until then the consumers stay although no permit is free, unless they deliver something.
    lingers_until: Instant,
}

impl ExactPrefetch {
    /// Consumes nothing yet.
    pub(super) async fn new(
        session: &Session,
        queues: &[&'static str],
        permits: Arc<Semaphore>,
        count: u16,
        sequence: Sequence,
    ) -> Result<Self, SessionError> {
        rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, count, false)))
            .await?;
        let (batch_until, lingers_until) = (Instant::now(), Instant::now());
        let queues = queues.to_vec();
        let consumers = Vec::new();
        Ok(Self { queues, permits, sequence, consumers, started: 0, batch_until, lingers_until })
    }

    pub(super) fn are_consuming(&self) -> bool {
        !self.consumers.is_empty()
    }

    /// Waits until the consumers can be started, or have to be cancelled.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let (consuming, permits) = (self.are_consuming(), Arc::clone(&self.permits));
        let lingers_until = self.lingers_until;
        async move {
            if !consuming {
                // This semaphore is never closed, so there is no error.
                drop(permits.acquire().await);
            } else if permits.available_permits() > 0 {
                std::future::pending::<()>().await;
            } else {
                sleep_until(lingers_until).await;
                if permits.available_permits() > 0 {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Starts the consumers, or cancels them. Returns the late deliveries in sequence.
    pub(super) async fn adjust(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Delivery, Option<Permit>)>, SessionError> {
        if self.are_consuming() {
            let late = self.cancel(session).await?;
            return Ok(self.with_permits(late));
        }
        self.begin(session).await.map(|()| Vec::new())
    }

    async fn begin(&mut self, session: &Session) -> Result<(), SessionError> {
        // Among equally urgent and old orders, the first queue wins. Rotate, so that each queue
        // comes first in turn.
        self.queues.rotate_left(1);
        let began = Instant::now();
        for queue in &self.queues {
            self.started += 1;
            self.consumers.push(Consumer::start(session, queue, self.started).await?);
        }
        // RabbitMQ answers each consumer and sends its ready messages at once. Wait once more for
        // as long as all answers took: a busy broker gets more time.
        self.batch_until = Instant::now() + began.elapsed().max(MIN_BATCH_WAIT);
        Ok(())
    }

    /// Waits for the next message of any queue. `None` if RabbitMQ ended a consumer.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let message = std::future::poll_fn(|context| {
            let mut polled = self.consumers.iter_mut().map(|consumer| consumer.poll(context));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        Delivery::new(message.await?)
    }

    /// Returns what has arrived, in sequence: first the deliveries with a permit, then those
    /// without.
    ///
    /// The most urgent of a batch is known when the whole batch is here. If the batch takes the
    /// last permit, the consumers are cancelled first. A delivery that arrives alone is handed over
    /// at once. Deliveries without a permit also cancel the consumers: RabbitMQ would return a
    /// requeued message to them at once.
    pub(super) async fn arrived(
        &mut self,
        session: &Session,
        first: Delivery,
    ) -> Result<Vec<(Delivery, Option<Permit>)>, SessionError> {
        let mut deliveries = vec![first];
        deliveries.extend(self.consumers.iter_mut().flat_map(Consumer::ready));
        let free = self.permits.available_permits();
        if deliveries.len() > free || (deliveries.len() == free && Instant::now() < self.batch_until) {
            deliveries.extend(self.cancel(session).await?);
        }
        self.lingers_until = Instant::now() + LINGER;
        Ok(self.with_permits(deliveries))
    }

    /// Gives the free permits to the most urgent deliveries.
    fn with_permits(&self, mut deliveries: Vec<Delivery>) -> Vec<(Delivery, Option<Permit>)> {
        deliveries.sort_by_key(|delivery| self.sequence.key(delivery));
        let permit = || Arc::clone(&self.permits).try_acquire_owned().ok().map(Arc::new);
        deliveries.into_iter().map(|delivery| (delivery, permit())).collect()
    }

    /// Cancels all consumers. Returns the deliveries in flight.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        let mut requeued = Vec::new();
        for consumer in std::mem::take(&mut self.consumers) {
            requeued.extend(consumer.cancel(session).await?);
        }
        Ok(requeued)
    }
}
