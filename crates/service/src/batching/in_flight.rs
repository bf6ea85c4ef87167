//! How many items are in flight in the next stage. By this a batch knows how long to linger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// A count; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    items: AtomicUsize,
    fewer: Notify,
}

/// Some items that are counted until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct InFlightGuard {
    in_flight: InFlight,
    items: usize,
}

impl InFlight {
    /// Counts so many more.
    pub fn enter(&self, items: usize) -> InFlightGuard {
        self.0.items.fetch_add(items, Ordering::Relaxed);
        InFlightGuard { in_flight: self.clone(), items }
    }

    /// Waits until there are as many in the batch as are in flight, or `most`: either more come in,
    /// or some leave the next stage. For `max` at most.
    pub(super) async fn gather<T>(
        &self,
        batch: &mut Vec<T>,
        incoming: &mut mpsc::Receiver<T>,
        most: usize,
        max: Duration,
    ) {
        // What has come by then stays in the batch.
        let _ = timeout(max, self.fill(batch, incoming, most)).await;
    }

    async fn fill<T>(&self, batch: &mut Vec<T>, incoming: &mut mpsc::Receiver<T>, most: usize) {
        while batch.len() < self.0.items.load(Ordering::Relaxed).min(most) {
            tokio::select! {
                more = incoming.recv_many(batch, most - batch.len()) => if more == 0 { return },
                () = self.0.fewer.notified() => {}
            }
        }
    }
}

impl InFlightGuard {
    /// Guards nothing.
    pub fn uncounted() -> Self {
        InFlight::default().enter(0)
    }

    /// Hands one of its items over to a guard of its own; to an empty one, if none is left.
    pub fn split_one(&mut self) -> Self {
        let items = self.items.min(1);
        self.items -= items;
        Self { in_flight: self.in_flight.clone(), items }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if self.items > 0 {
            self.in_flight.0.items.fetch_sub(self.items, Ordering::Relaxed);
            self.in_flight.0.fewer.notify_one();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use super::*;

    const MOST: usize = 4;
    const MAX_LINGER: Duration = Duration::from_millis(20);

    fn is_ready(waiting: Pin<&mut impl Future>) -> bool {
        waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn an_item_that_comes_alone_does_not_wait() {
        let (in_flight, (_queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let mut batch = vec![1];
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER))));
        let _one = in_flight.enter(1);
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER))));
    }

    #[tokio::test]
    async fn others_wait_for_more_or_for_fewer_in_flight() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let mut counted = in_flight.enter(3);
        let mut batch = vec![1];
        {
            let mut gathering = pin!(in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER));
            assert!(!is_ready(gathering.as_mut()));
            queue.try_send(2).unwrap();
            assert!(!is_ready(gathering.as_mut()));
            drop(counted.split_one());
            assert!(is_ready(gathering.as_mut()));
        }
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn no_item_waits_long_for_a_stage_that_hangs() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let _counted = in_flight.enter(3);
        let mut batch = vec![1];
        queue.try_send(2).unwrap();
        let start = tokio::time::Instant::now();
        in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER).await;
        assert!(start.elapsed() >= MAX_LINGER);
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn a_full_batch_and_a_closed_queue_end_it() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let _counted = in_flight.enter(9);
        let mut batch = vec![1, 2, 3, 4];
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER))));
        drop(queue);
        batch.truncate(1);
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST, MAX_LINGER))));
    }

    #[test]
    fn each_item_is_counted_until_its_guard_is_dropped() {
        let in_flight = InFlight::default();
        let counted = || in_flight.0.items.load(Ordering::Relaxed);
        let mut guard = in_flight.enter(2);
        let (first, second, none) = (guard.split_one(), guard.split_one(), guard.split_one());
        drop((guard, none));
        assert_eq!(counted(), 2);
        drop(first);
        assert_eq!(counted(), 1);
        drop(second);
        assert_eq!(counted(), 0);
        drop(InFlightGuard::uncounted());
        assert_eq!(counted(), 0);
    }
}
