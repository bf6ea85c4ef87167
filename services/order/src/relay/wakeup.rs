//! Tells a task that polls that there is something to do already.

use std::sync::Arc;

use tokio::sync::Notify;

/// A handle that wakes the relay; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Wakeup(Arc<Notify>);

impl Wakeup {
    /// There is something to do now.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for the next [`wake`](Self::wake). Returns at once if there was one since the last
    /// time.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
