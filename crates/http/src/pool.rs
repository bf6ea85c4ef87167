//! Memory that all connections share: for what goes beyond a connection's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes, to be reserved; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<AtomicUsize>);

/// Bytes that go back to the pool when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    pool: Pool,
    bytes: usize,
}

impl Pool {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Nothing yet, to grow.
    pub(crate) fn empty(&self) -> Reservation {
        Reservation { pool: self.clone(), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let left = |free: usize| free.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

impl Reservation {
    /// Whether the pool had enough left to reserve this many bytes in all.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let granted = self.pool.take(more);
        if granted {
            self.bytes += more;
        }
        granted
    }

    /// Gives everything back.
    pub(crate) fn clear(&mut self) {
        self.pool.0.fetch_add(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back_and_no_more_is_given_than_there_is() {
        let pool = Pool::new(100);
        let (mut first, mut second) = (pool.empty(), pool.empty());
        assert!(first.grow_to(60) && first.grow_to(50), "a reservation does not shrink");
        assert!(!second.grow_to(41));
        assert!(second.grow_to(40));
        drop(first);
        assert!(second.grow_to(100));
        drop(second);
        assert!(pool.empty().grow_to(100));
    }
}
