//! Natural batching: what queues up while the last batch is carried out shares the next one.
//!
//! An item that arrives alone is carried out at once; there is no timer. Under load the batches
//! grow, up to a limit, and each item costs less. Where the next stage is the slower one, a batch
//! may [linger](Batches::lingering) for as long as items are in flight there.
//!
//! [`Batches`] forms the batches and [`settle`] judges what became of one. [`Batcher`] is both for
//! the usual case: many callers ask, and one statement answers them.

mod batcher;
mod in_flight;

use std::time::Duration;

use telemetry::labels::Batch;
use telemetry::metrics::{BATCH_SIZE, BATCH_TIME};
use tokio::sync::mpsc;

pub use self::batcher::{BatchError, Batcher, Limits, Mode, Statement};
pub use self::in_flight::{InFlight, InFlightGuard};

/// Forms batches of what comes in.
#[derive(Debug)]
pub struct Batches<T> {
    incoming: mpsc::Receiver<T>,
    most: usize,
    linger: Option<Linger>,
}

/// How long a batch waits for more.
#[derive(Debug)]
struct Linger {
    in_flight: InFlight,
    max: Duration,
}

/// A queue and the batches that are formed of it. At most `capacity` items wait in the queue; at
/// most `most` share a batch.
pub fn queue<T>(capacity: usize, most: usize) -> (mpsc::Sender<T>, Batches<T>) {
    let (queue, incoming) = mpsc::channel(capacity);
    (queue, Batches { incoming, most, linger: None })
}

impl<T> Batches<T> {
    /// Makes each batch wait until it has as many items as are in flight, or until `max` is over.
    /// So half of the items in work are carried out while the other half is in flight. While
    /// nothing, or one item, is in flight, no item waits.
    #[must_use]
    pub fn lingering(mut self, in_flight: InFlight, max: Duration) -> Self {
        self.linger = Some(Linger { in_flight, max });
        self
    }

    /// The next batch: never empty. `None` once every sender is dropped and the queue is empty.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        let mut batch = Vec::new();
        if self.incoming.recv_many(&mut batch, self.most).await == 0 {
            return None;
        }
        if let Some(Linger { in_flight, max }) = &self.linger {
            in_flight.gather(&mut batch, &mut self.incoming, self.most, *max).await;
        }
        Some(batch)
    }
}

/// Counts a statement that was run for so many requests, well or not.
pub fn count(batch: Batch, requests: usize, took: Duration) {
    BATCH_SIZE.of(batch).observe_count(requests);
    BATCH_TIME.of(batch).observe_time(took);
}

/// What became of a batch that was carried out as a whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled<T, A, E> {
    /// All went well: the items, and their outcomes in the same order.
    Done(Vec<T>, Vec<A>),
    /// It failed for all of them.
    Failed(Vec<T>, E),
    /// It was refused, perhaps because of a single item. Carry each out by itself, so that none is
    /// refused for another.
    OneByOne(Vec<T>),
}

/// Judges what became of a batch. `is_refusal` tells an
/// error that a single item may have caused from one that concerns all, such as a lost connection.
pub fn settle<T, A, E>(
    batch: Vec<T>,
    outcome: Result<Vec<A>, E>,
    is_refusal: impl FnOnce(&E) -> bool,
) -> Settled<T, A, E> {
    match outcome {
        Ok(outcomes) => Settled::Done(batch, outcomes),
        Err(why) if batch.len() > 1 && is_refusal(&why) => Settled::OneByOne(batch),
        Err(why) => Settled::Failed(batch, why),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_queued_up_shares_a_batch_up_to_the_limit() {
        let (queue, mut batches) = queue(8, 3);
        queue.send(1).await.unwrap();
        assert_eq!(batches.next().await, Some(vec![1]));
        for item in 2..=6 {
            queue.send(item).await.unwrap();
        }
        drop(queue);
        assert_eq!(batches.next().await, Some(vec![2, 3, 4]));
        assert_eq!(batches.next().await, Some(vec![5, 6]));
        assert_eq!(batches.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_lingers_only_while_more_items_are_in_flight_than_it_has() {
        let max = Duration::from_millis(20);
        let in_flight = InFlight::default();
        let (queue, batches) = queue(8, 3);
        let mut batches = batches.lingering(in_flight.clone(), max);
        let took = async |batches: &mut Batches<i32>| {
            let start = tokio::time::Instant::now();
            (batches.next().await.unwrap(), start.elapsed())
        };
        let _one = in_flight.enter(1);
        queue.send(1).await.unwrap();
        assert_eq!(took(&mut batches).await, (vec![1], Duration::ZERO));
        let _two = in_flight.enter(1);
        queue.send(2).await.unwrap();
        assert_eq!(took(&mut batches).await, (vec![2], max));
    }

    #[test]
    fn a_refusal_of_several_is_repeated_one_by_one() {
        let is_refusal = |why: &&str| *why == "refused";
        let failed = |batch: Vec<u8>, why| settle::<_, u8, _>(batch, Err(why), is_refusal);
        assert_eq!(failed(vec![1, 2], "refused"), Settled::OneByOne(vec![1, 2]));
        assert_eq!(failed(vec![1], "refused"), Settled::Failed(vec![1], "refused"));
        assert_eq!(failed(vec![1, 2], "lost"), Settled::Failed(vec![1, 2], "lost"));
        let done = settle(vec![1, 2], Ok::<_, &str>(vec!["a", "b"]), is_refusal);
        assert_eq!(done, Settled::Done(vec![1, 2], vec!["a", "b"]));
    }
}
