//! Whether a connection is up, for those who are asked how the service is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of one connection, as its owner last said it; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LinkState(Arc<AtomicBool>);

/// The connection is up until this is dropped.
#[derive(Debug)]
#[must_use = "dropped, the connection counts as down"]
pub(crate) struct Up<'a>(&'a AtomicBool);

impl LinkState {
    /// Whether messages can come over it at the moment, as far as is known.
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The owner of the connection has built it.
    pub(crate) fn up(&self) -> Up<'_> {
        self.0.store(true, Ordering::Relaxed);
        Up(&self.0)
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_up_for_as_long_as_its_owner_says_so() {
        let link = LinkState::default();
        let seen = link.clone();
        assert!(!seen.is_up());
        let up = link.up();
        assert!(seen.is_up());
        drop(up);
        assert!(!seen.is_up());
    }
}
