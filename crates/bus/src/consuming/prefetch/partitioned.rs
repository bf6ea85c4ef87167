//! Consuming with many permits. They are divided into partitions, and each partition has a consumer
//! of its own with that prefetch. RabbitMQ sends the next order when one is acknowledged, and never
//! more than there are permits.
//!
//! Every queue keeps at least one permit, so each type makes progress. The other partitions follow
//! the load: now and then one moves to a queue that uses all its permits. The queue with the most
//! urgent orders comes first.

use std::cmp::Reverse;
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

/// Partitions per queue, besides its single permit, while the load is even.
const PARTITIONS_PER_QUEUE: usize = 4;
/// With fewer permits per queue, partitioning is not worth its cost.
pub(super) const MIN_PERMITS_PER_QUEUE: usize = 8;
/// The pause between two rebalances. Moving a partition costs three round trips.
const REBALANCE_INTERVAL: Duration = Duration::from_millis(25);

/// A part of the permits, and the consumer that uses it.
struct Partition {
    size: u16,
    consumer: Consumer,
    /// Each delivery clones it. The permits are free again when the consumer and all its deliveries
    /// are dropped.
    permit: Permit,
}

impl Partition {
    /// How many of its permits are used.
    fn used(&self) -> usize {
        Arc::strong_count(&self.permit) - 1
    }

    fn is_full(&self) -> bool {
        self.used() >= usize::from(self.size)
    }
}

/// A queue and its partitions. The first one has a single permit and stays.
struct QueuePartitions {
    name: &'static str,
    partitions: Vec<Partition>,
    /// The lowest priority between the last two rebalances. The queue had no higher one left.
    lowest_priority: u8,
    /// The lowest priority since the last rebalance.
    lowest_since: Option<u8>,
}

impl QueuePartitions {
    /// All permits are used, so orders probably wait in the queue.
    fn is_saturated(&self) -> bool {
        self.partitions.iter().all(Partition::is_full)
    }

    fn idle(&self) -> usize {
        self.partitions.iter().skip(1).filter(|partition| partition.used() == 0).count()
    }
}

/// All queues of the worker.
pub(in crate::consuming) struct PartitionedPrefetch {
    queues: Vec<QueuePartitions>,
    permits: Arc<Semaphore>,
    sequence: Sequence,
    /// The sizes of partitions without a consumer, the smallest first.
    spare: Vec<u16>,
    prefetch: u16,
    started: u64,
    next_rebalance: Instant,
    /// Something arrived since the last rebalance.
    busy: bool,
}

/// Divides the permits: one for each queue, and the rest as evenly as possible.
fn partition_sizes(permits: u16, queues: usize) -> Vec<u16> {
    let rest = usize::from(permits).saturating_sub(queues);
    let count = (PARTITIONS_PER_QUEUE * queues).min(rest);
    let larger = |number: usize| usize::from(number < rest.checked_rem(count).unwrap_or(0));
    let partitions = (0..count).rev().map(|number| rest / count + larger(number));
    let sizes = std::iter::repeat_n(1, queues).chain(partitions);
    sizes.map(|size| u16::try_from(size).unwrap_or(u16::MAX)).collect()
}

impl PartitionedPrefetch {
    /// Consumes nothing yet.
    pub(super) fn new(
        queues: &[&'static str],
        permits: Arc<Semaphore>,
        count: u16,
        sequence: Sequence,
    ) -> Self {
        let queue = |name: &&'static str| QueuePartitions {
            name,
            partitions: Vec::new(),
            lowest_priority: 0,
            lowest_since: None,
        };
        Self {
            queues: queues.iter().map(queue).collect(),
            permits,
            sequence,
            spare: partition_sizes(count, queues.len()),
            prefetch: 0,
            started: 0,
            next_rebalance: Instant::now(),
            busy: false,
        }
    }

    pub(super) fn sequence(&self) -> Sequence {
        self.sequence
    }

    pub(super) fn are_consuming(&self) -> bool {
        self.queues.iter().any(|queue| !queue.partitions.is_empty())
    }

    /// Waits until the next rebalance is due.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let next_rebalance = (self.busy || !self.spare.is_empty()).then_some(self.next_rebalance);
        async move {
            match next_rebalance {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Moves at most one partition. Returns what its cancelled consumer still delivered.
    pub(super) async fn rebalance(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Delivery, Option<Permit>)>, SessionError> {
        self.next_rebalance = Instant::now() + REBALANCE_INTERVAL;
        self.busy = false;
        for queue in &mut self.queues {
            queue.lowest_priority = queue.lowest_since.take().unwrap_or(queue.lowest_priority);
        }
        let mut brought = Vec::new();
        // A spare partition is started before another one is moved.
        if self.spare.is_empty()
            && let Some((from, number)) = self.dispensable()
        {
            let queue = self.queues.get_mut(from);
            if let Some(Partition { size, consumer, permit }) =
                queue.map(|queue| queue.partitions.remove(number))
            {
                let requeued = consumer.cancel(session).await?.into_iter();
                brought.extend(requeued.map(|delivery| (delivery, Some(Arc::clone(&permit)))));
                self.spare.push(size);
            }
        }
        self.start_spare(session).await?;
        Ok(brought)
    }

    /// The queue that needs more permits most.
    fn neediest(&self) -> Option<usize> {
        let need = |queue: &QueuePartitions| {
            (
                queue.partitions.is_empty(),
                queue.is_saturated(),
                queue.lowest_priority,
                Reverse(queue.partitions.len()),
            )
        };
        let queues = self.queues.iter().enumerate();
        queues.max_by_key(|(_, queue)| need(queue)).map(|(index, _)| index)
    }

    /// A partition that another queue needs more: the index of its queue, and its index there.
    fn dispensable(&self) -> Option<(usize, usize)> {
        let taker = self.queues.get(self.neediest()?).filter(|queue| queue.is_saturated())?;
        let better_used_elsewhere = |queue: &QueuePartitions| {
            if queue.is_saturated() {
                queue.lowest_priority < taker.lowest_priority
                    || (queue.lowest_priority == taker.lowest_priority
                        && queue.partitions.len() > taker.partitions.len() + 1)
            } else {
                queue.idle() > 0
            }
        };
        let queues = self.queues.iter().enumerate().filter(|(_, queue)| queue.partitions.len() > 1);
        let (index, giver) =
            queues.filter(|(_, queue)| better_used_elsewhere(queue)).min_by_key(|(_, queue)| {
                (
                    queue.is_saturated(),
                    queue.lowest_priority,
                    Reverse(queue.idle()),
                    Reverse(queue.partitions.len()),
                )
            })?;
        let partitions = giver.partitions.iter().enumerate().skip(1);
        partitions.min_by_key(|(_, partition)| partition.used()).map(|(number, _)| (index, number))
    }

    /// Starts consumers for the spare partitions whose permits are free.
    async fn start_spare(&mut self, session: &Session) -> Result<(), SessionError> {
        for size in std::mem::take(&mut self.spare) {
            let permits = Arc::clone(&self.permits).try_acquire_many_owned(size.into());
            let Ok(permit) = permits else {
                self.spare.push(size);
                continue;
            };
            if self.prefetch != size {
                let qos = session.channel.basic_qos(BasicQosArguments::new(0, size, false));
                rpc("setting the prefetch", qos).await?;
                self.prefetch = size;
            }
            self.started += 1;
            let number = self.started;
            let Some(queue) = self.neediest().and_then(|index| self.queues.get_mut(index)) else { continue };
            let consumer = Consumer::start(session, queue.name, number).await?;
            queue.partitions.push(Partition { size, consumer, permit: Arc::new(permit) });
        }
        Ok(())
    }

    /// Waits for the next message of any queue, with its permit. `None` if RabbitMQ ended a
    /// consumer.
    pub(super) async fn next(&mut self) -> Option<(Delivery, Permit)> {
        std::future::poll_fn(|context| {
            for queue in &mut self.queues {
                for Partition { consumer, permit, .. } in &mut queue.partitions {
                    if let Poll::Ready(message) = consumer.poll(context) {
                        let delivery = message.and_then(Delivery::new);
                        queue.lowest_since =
                            delivery.iter().map(Delivery::priority).chain(queue.lowest_since).min();
                        return Poll::Ready(delivery.map(|delivery| (delivery, Arc::clone(permit))));
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The other messages that have arrived.
    pub(super) fn arrived(&mut self) -> Vec<(Delivery, Permit)> {
        self.busy = true;
        let mut arrived = Vec::new();
        for queue in &mut self.queues {
            for Partition { consumer, permit, .. } in &mut queue.partitions {
                for delivery in consumer.ready() {
                    queue.lowest_since = queue.lowest_since.into_iter().chain([delivery.priority()]).min();
                    arrived.push((delivery, Arc::clone(permit)));
                }
            }
        }
        arrived
    }

    /// Cancels all consumers. Their partitions are spare then: the next rebalance starts them
    /// again. Returns the deliveries in flight.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        let mut requeued = Vec::new();
        let partitions = self.queues.iter_mut().flat_map(|queue| std::mem::take(&mut queue.partitions));
        for Partition { size, consumer, .. } in partitions {
            requeued.extend(consumer.cancel(session).await?);
            self.spare.push(size);
        }
        self.spare.sort_unstable();
        Ok(requeued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_in_a_share_and_every_queue_has_one() {
        for (permits, queues) in
            [(32, 4), (50, 4), (64, 4), (256, 4), (1_000, 4), (8, 1), (9, 1), (16, 2), (1, 1)]
        {
            let partitions = partition_sizes(permits, queues);
            assert_eq!(partitions.iter().sum::<u16>(), permits, "{permits} for {queues}: {partitions:?}");
            assert_eq!(partitions.iter().filter(|size| **size == 0).count(), 0, "{partitions:?}");
            assert!(
                partitions.is_sorted() && partitions.iter().take(queues).all(|size| *size == 1),
                "{partitions:?}"
            );
        }
        assert_eq!(partition_sizes(40, 4), [vec![1; 4], vec![2; 12], vec![3; 4]].concat());
    }
}
