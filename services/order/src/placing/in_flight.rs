//! How many orders were stored and wait for the broker's confirm. By this the writer knows how many
//! to store together. (Those whose commit had to be found out about are not counted.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Longest wait for company. A broker that is busy confirms within milliseconds; with one that is
/// frozen, or under an alarm, orders are stored as if there were none.
const MAX_LINGER: Duration = Duration::from_millis(20);

/// A count; cheap to clone.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Count>);

#[derive(Default)]
struct Count {
    orders: AtomicUsize,
    fewer: Notify,
}

/// Some orders that are counted until this is dropped.
pub struct InFlightGuard {
    in_flight: InFlight,
    orders: usize,
}

impl InFlight {
    /// Counts so many more.
    pub fn enter(&self, orders: usize) -> InFlightGuard {
        self.0.orders.fetch_add(orders, Ordering::Relaxed);
        InFlightGuard { in_flight: self.clone(), orders }
    }

    /// Waits until there are as many in the batch as are in flight, or `most`: either more come in,
    /// or some are confirmed. So half of the orders in work are being stored while the other half
    /// is being sent. An order that comes alone does not wait.
    pub async fn gather<T>(&self, batch: &mut Vec<T>, incoming: &mut mpsc::Receiver<T>, most: usize) {
        // What has come by then stays in the batch.
        let _ = timeout(MAX_LINGER, self.fill(batch, incoming, most)).await;
    }

    async fn fill<T>(&self, batch: &mut Vec<T>, incoming: &mut mpsc::Receiver<T>, most: usize) {
        while batch.len() < self.0.orders.load(Ordering::Relaxed).min(most) {
            tokio::select! {
                more = incoming.recv_many(batch, most - batch.len()) => if more == 0 { return },
                () = self.0.fewer.notified() => {}
            }
        }
    }
}

impl InFlightGuard {
    /// Guards no order.
    pub fn uncounted() -> Self {
        InFlight::default().enter(0)
    }

    /// Hands one of its orders over to a guard of its own; to an empty one, if none is left.
    pub fn split_one(&mut self) -> Self {
        let orders = self.orders.min(1);
        self.orders -= orders;
        Self { in_flight: self.in_flight.clone(), orders }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if self.orders > 0 {
            self.in_flight.0.orders.fetch_sub(self.orders, Ordering::Relaxed);
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

    fn is_ready(waiting: Pin<&mut impl Future>) -> bool {
        waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn an_order_that_comes_alone_does_not_wait() {
        let (in_flight, (_queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let mut batch = vec![1];
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST))));
        let _one = in_flight.enter(1);
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST))));
    }

    #[tokio::test]
    async fn others_wait_for_company_or_confirms() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let mut counted = in_flight.enter(3);
        let mut batch = vec![1];
        {
            let mut gathering = pin!(in_flight.gather(&mut batch, &mut incoming, MOST));
            assert!(!is_ready(gathering.as_mut()));
            queue.try_send(2).unwrap();
            assert!(!is_ready(gathering.as_mut()));
            drop(counted.split_one());
            assert!(is_ready(gathering.as_mut()));
        }
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn no_order_waits_long_for_a_broker_that_does_not_confirm() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let _counted = in_flight.enter(3);
        let mut batch = vec![1];
        queue.try_send(2).unwrap();
        let start = tokio::time::Instant::now();
        in_flight.gather(&mut batch, &mut incoming, MOST).await;
        assert!(start.elapsed() >= MAX_LINGER);
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn a_full_batch_and_a_closed_door_end_it() {
        let (in_flight, (queue, mut incoming)) = (InFlight::default(), mpsc::channel::<u8>(MOST));
        let _counted = in_flight.enter(9);
        let mut batch = vec![1, 2, 3, 4];
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST))));
        drop(queue);
        batch.truncate(1);
        assert!(is_ready(pin!(in_flight.gather(&mut batch, &mut incoming, MOST))));
    }

    #[test]
    fn each_order_is_counted_until_its_guard_is_dropped() {
        let in_flight = InFlight::default();
        let counted = || in_flight.0.orders.load(Ordering::Relaxed);
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
