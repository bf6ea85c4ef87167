//! Memory that all connections share, for what exceeds a connection's own share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A budget of bytes to reserve. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<AtomicUsize>);

/// Reserved bytes. Dropping this returns them to the pool.
#[derive(Debug)]
pub(crate) struct Reservation {
    pool: Pool,
    bytes: usize,
}

impl Pool {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// An empty reservation that can grow.
    pub(crate) fn empty(&self) -> Reservation {
        Reservation { pool: self.clone(), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let left = |free: usize| free.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

impl Reservation {
    /// Grows the reservation to this many bytes. `false` if the pool has too few left.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let granted = self.pool.take(more);
        if granted {
            self.bytes += more;
        }
        granted
    }

    /// Returns all bytes to the pool.
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
