//! How many orders were stored and wait for the broker's confirm; by this the writer knows how many
//! to store together. (Those whose commit had to be found out about are not counted.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Longest wait for company. A broker that is busy confirms within milliseconds; with one that is
/// frozen, or under an alarm, orders are stored as if there were none.
const PATIENCE: Duration = Duration::from_millis(20);

/// A count; cheap to clone.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<Count>);

#[derive(Default)]
struct Count {
    orders: AtomicUsize,
    fewer: Notify,
}

/// One order that is counted until this is dropped.
pub struct Counted(UnderWay);

impl UnderWay {
    /// Counts one more.
    pub fn count(&self) -> Counted {
        self.0.orders.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    /// Waits until there are as many in the batch as are under way, or `most`: either more come in,
    /// or some are confirmed. So half of the orders in work are being stored while the other half
    /// is being sent; and nobody who comes alone waits.
    pub async fn gather<T>(&self, batch: &mut Vec<T>, incoming: &mut mpsc::Receiver<T>, most: usize) {
        // What has come by then stays in the batch.
        let _ = timeout(PATIENCE, self.fill(batch, incoming, most)).await;
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

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.orders.fetch_sub(1, Ordering::Relaxed);
        self.0.0.fewer.notify_one();
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
    async fn who_comes_alone_does_not_wait() {
        let (under_way, (_queue, mut incoming)) = (UnderWay::default(), mpsc::channel::<u8>(MOST));
        let mut batch = vec![1];
        assert!(is_ready(pin!(under_way.gather(&mut batch, &mut incoming, MOST))));
        let _one = under_way.count();
        assert!(is_ready(pin!(under_way.gather(&mut batch, &mut incoming, MOST))));
    }

    #[tokio::test]
    async fn others_wait_for_company_or_confirms() {
        let (under_way, (queue, mut incoming)) = (UnderWay::default(), mpsc::channel::<u8>(MOST));
        let mut counted: Vec<Counted> = (0..3).map(|_| under_way.count()).collect();
        let mut batch = vec![1];
        {
            let mut gathering = pin!(under_way.gather(&mut batch, &mut incoming, MOST));
            assert!(!is_ready(gathering.as_mut()));
            queue.try_send(2).unwrap();
            assert!(!is_ready(gathering.as_mut()));
            counted.pop();
            assert!(is_ready(gathering.as_mut()));
        }
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_broker_that_does_not_confirm() {
        let (under_way, (queue, mut incoming)) = (UnderWay::default(), mpsc::channel::<u8>(MOST));
        let _counted: Vec<Counted> = (0..3).map(|_| under_way.count()).collect();
        let mut batch = vec![1];
        queue.try_send(2).unwrap();
        let start = tokio::time::Instant::now();
        under_way.gather(&mut batch, &mut incoming, MOST).await;
        assert!(start.elapsed() >= PATIENCE);
        assert_eq!(batch, [1, 2]);
    }

    #[tokio::test]
    async fn a_full_batch_and_a_closed_door_end_it() {
        let (under_way, (queue, mut incoming)) = (UnderWay::default(), mpsc::channel::<u8>(MOST));
        let _counted: Vec<Counted> = (0..9).map(|_| under_way.count()).collect();
        let mut batch = vec![1, 2, 3, 4];
        assert!(is_ready(pin!(under_way.gather(&mut batch, &mut incoming, MOST))));
        drop(queue);
        batch.truncate(1);
        assert!(is_ready(pin!(under_way.gather(&mut batch, &mut incoming, MOST))));
    }
}
