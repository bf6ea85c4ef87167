//! Consuming with few permits: while one is free, every queue has a consumer. Soon after the
//! last one is taken the consumers are cancelled, and what was under way meanwhile goes back
//! to the broker at once, where an idle worker finds it. Of what arrives together, the
//! highest priority wins.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use amqprs::channel::BasicQosArguments;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::consumer::Consumer;

use crate::delivery::Delivery;
use crate::orders::leased_delivery::Permit;
use crate::session::{Session, SessionError, rpc};

/// Shortest time for what was waiting to arrive, once the last consumer is there.
const MIN_BATCH_WAIT: Duration = Duration::from_millis(1);

/// How long the consumers stay after an order that came alone has taken the last permit: it is
/// claimed and announced before the broker is asked for anything else.
const LINGER: Duration = Duration::from_millis(5);

/// One consumer for each queue, or none at all.
pub(in crate::orders) struct ExactPrefetch {
    queues: Vec<&'static str>,
    permits: Arc<Semaphore>,
    consumers: Vec<Consumer>,
    started: u64,
    /// Until when the present round gathers: what it brings by then was waiting already; what comes
    /// later comes by itself.
    batch_until: Instant,
    /// Until when the consumers stay although the last permit is taken, unless they bring something.
    lingers_until: Instant,
}

impl ExactPrefetch {
    /// Nothing is consumed yet.
    pub(super) async fn new(
        session: &Session,
        queues: &[&'static str],
        permits: Arc<Semaphore>,
        count: u16,
    ) -> Result<Self, SessionError> {
        rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, count, false)))
            .await?;
        let (batch_until, lingers_until) = (Instant::now(), Instant::now());
        let queues = queues.to_vec();
        Ok(Self { queues, permits, consumers: Vec::new(), started: 0, batch_until, lingers_until })
    }

    pub(super) fn are_consuming(&self) -> bool {
        !self.consumers.is_empty()
    }

    /// Waits until a round can begin, or has to end.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let (consuming, permits) = (self.are_consuming(), Arc::clone(&self.permits));
        let lingers_until = self.lingers_until;
        async move {
            if !consuming {
                // Only a closed semaphore fails, and this one never closes.
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

    /// Begins a round, or ends it. Returns what came too late for it, in the order in
    /// which it shall be cooked.
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
        // Of what is equally urgent and old the first comes first: each queue is once the first.
        self.queues.rotate_left(1);
        let began = Instant::now();
        for queue in &self.queues {
            self.started += 1;
            self.consumers.push(Consumer::start(session, queue, self.started).await?);
        }
        // The broker answers a consumer and sends it what is waiting at once. As long again as all
        // those answers took is more than the last message should take, however busy the broker is.
        self.batch_until = Instant::now() + began.elapsed().max(MIN_BATCH_WAIT);
        Ok(())
    }

    /// The next message of any queue; `None` if the broker ended a consumer.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let message = std::future::poll_fn(|context| {
            let mut polled = self.consumers.iter_mut().map(|consumer| consumer.poll(context));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        Delivery::new(message.await?)
    }

    /// Returns what has arrived, in the order in which it shall be cooked: those that have a permit,
    /// and those that have none.
    ///
    /// Of what was waiting, the most urgent is known when all of it is here: the round is ended
    /// first if it takes the last permit. Who comes by itself is not made to wait for that. What
    /// comes without a permit ends the round too: returned before that, it would come again at once.
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

    /// Gives the permits that are free to the most urgent.
    fn with_permits(&self, mut deliveries: Vec<Delivery>) -> Vec<(Delivery, Option<Permit>)> {
        deliveries.sort_by_key(super::cooking_order);
        let permit = || Arc::clone(&self.permits).try_acquire_owned().ok().map(Arc::new);
        deliveries.into_iter().map(|delivery| (delivery, permit())).collect()
    }

    /// Ends all consumers and returns what was still under way.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        let mut requeued = Vec::new();
        for consumer in std::mem::take(&mut self.consumers) {
            requeued.extend(consumer.cancel(session).await?);
        }
        Ok(requeued)
    }
}
