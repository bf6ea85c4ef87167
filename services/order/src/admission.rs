//! `--max-concurrent`: how many requests may be in work at once.

use std::sync::Arc;

use deadlines::order::ADMISSION_WAIT;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::acceptance::Place;

/// Hands out the permits; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

/// The right to be in work. It goes with the order, not with the client, who may hang up.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
    _place: Option<Place>,
}

impl Permit {
    /// Holds the order's place among those that wait for a cook, too.
    #[must_use]
    pub fn with_place(self, place: Option<Place>) -> Self {
        Self { _place: place, ..self }
    }
}

/// All permits are taken, and none was returned within 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many orders are in work")]
pub struct Busy;

impl Admission {
    /// As many requests in work as this.
    pub fn new(permits: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(permits)), permits }
    }

    /// Most requests in work at once.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Waits for a permit, for 2 s at most.
    ///
    /// # Errors
    /// None was returned in time.
    pub async fn admit(&self) -> Result<Permit, Busy> {
        match timeout(ADMISSION_WAIT, Arc::clone(&self.semaphore).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Permit { _permit: permit, _place: None }),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }
}
