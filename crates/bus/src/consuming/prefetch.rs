//! Two ways to keep the limit over all queues. RabbitMQ limits each consumer alone.

mod consumer;
mod exact;
mod partitioned;

use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use self::exact::ExactPrefetch;
use self::partitioned::PartitionedPrefetch;
use super::leased_delivery::Permit;
use crate::delivery::Delivery;
use crate::session::{Session, SessionError};

/// How deliveries that arrive together are sorted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sequence {
    /// The highest priority first, then the oldest: they come from several queues.
    Cooking,
    /// As the queue has them.
    Arrival,
}

/// The consumers, and the permits that their deliveries take.
pub(super) enum Prefetch {
    /// A consumer per queue while a permit is free. For few permits.
    Exact(ExactPrefetch),
    /// The permits are partitioned among consumers that stay. For many permits.
    Partitioned(PartitionedPrefetch),
}

impl Prefetch {
    /// Consumes nothing yet.
    pub(super) async fn new(
        session: &Session,
        queues: &[&'static str],
        permits: Arc<Semaphore>,
        count: u16,
        sequence: Sequence,
    ) -> Result<Self, SessionError> {
        if usize::from(count) >= partitioned::MIN_PERMITS_PER_QUEUE * queues.len() {
            return Ok(Self::Partitioned(PartitionedPrefetch::new(queues, permits, count, sequence)));
        }
        Ok(Self::Exact(ExactPrefetch::new(session, queues, permits, count, sequence).await?))
    }

    pub(super) fn are_consuming(&self) -> bool {
        match self {
            Self::Exact(exact) => exact.are_consuming(),
            Self::Partitioned(partitioned) => partitioned.are_consuming(),
        }
    }

    /// Waits until consumers have to be started, moved or cancelled.
    pub(super) fn due(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self {
            Self::Exact(exact) => Box::pin(exact.due()),
            Self::Partitioned(partitioned) => Box::pin(partitioned.due()),
        }
    }

    /// Starts, moves and cancels consumers. Returns what the cancelled ones still delivered.
    pub(super) async fn adjust(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Delivery, Option<Permit>)>, SessionError> {
        match self {
            Self::Exact(exact) => exact.adjust(session).await,
            Self::Partitioned(partitioned) => partitioned.rebalance(session).await,
        }
    }

    /// Waits for the next message. Its permit is known only with partitions. `None` if RabbitMQ
    /// ended a consumer.
    pub(super) async fn next(&mut self) -> Option<(Delivery, Option<Permit>)> {
        match self {
            Self::Exact(exact) => exact.next().await.map(|delivery| (delivery, None)),
            Self::Partitioned(partitioned) => {
                partitioned.next().await.map(|(delivery, permit)| (delivery, Some(permit)))
            }
        }
    }

    /// Returns `first` and everything that arrived with it, in sequence. A delivery without a
    /// permit has to be requeued.
    pub(super) async fn arrived(
        &mut self,
        session: &Session,
        first: (Delivery, Option<Permit>),
    ) -> Result<Vec<(Delivery, Option<Permit>)>, SessionError> {
        match self {
            Self::Exact(exact) => exact.arrived(session, first.0).await,
            Self::Partitioned(partitioned) => {
                let others =
                    partitioned.arrived().into_iter().map(|(delivery, permit)| (delivery, Some(permit)));
                let mut arrived: Vec<_> = std::iter::once(first).chain(others).collect();
                let sequence = partitioned.sequence();
                arrived.sort_by_key(|(delivery, _)| sequence.key(delivery));
                Ok(arrived)
            }
        }
    }

    /// Cancels all consumers. Returns what they still delivered.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        match self {
            Self::Exact(exact) => exact.cancel(session).await,
            Self::Partitioned(partitioned) => partitioned.cancel(session).await,
        }
    }
}

impl Sequence {
    /// The sort key of a delivery. A channel numbers its deliveries.
    fn key(self, delivery: &Delivery) -> (Reverse<u8>, u64, u64) {
        match self {
            Self::Cooking => (Reverse(delivery.priority()), delivery.sent_at(), delivery.tag),
            Self::Arrival => (Reverse(0), 0, delivery.tag),
        }
    }
}
