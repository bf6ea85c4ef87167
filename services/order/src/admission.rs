//! `--max-concurrent`: how many orders may be in work at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long an order waits for its turn before the client is told to come back.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Hands out the places; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Semaphore>);

/// The right to be in work. It goes with the order, not with the client, who may hang up.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    /// So many places.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    /// A place, or `None` if none got free in time.
    pub async fn wait(&self) -> Option<Permit> {
        let permit = timeout(MAX_WAIT, Arc::clone(&self.0).acquire_owned()).await.ok()?.ok()?;
        Some(Permit { _permit: permit })
    }
}
