//! An intake that rests takes no messages. What is leased stays so.

use std::sync::Arc;

use tokio::sync::watch;

/// Makes an intake rest. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resting(Arc<watch::Sender<usize>>);

/// As long as one exists, the intake rests.
#[derive(Debug)]
pub struct Rest(Arc<watch::Sender<usize>>);

impl Resting {
    /// What makes an intake rest, and how the intake learns the number of rests.
    pub(super) fn new() -> (Self, watch::Receiver<usize>) {
        let (sender, receiver) = watch::channel(0);
        (Self(Arc::new(sender)), receiver)
    }

    /// The intake takes no messages from now on, until the rest is dropped. A delivery that is
    /// requeued after this call goes to another consumer.
    #[must_use = "the intake rests for as long as it is held"]
    pub fn begin(&self) -> Rest {
        self.0.send_modify(|rests| *rests += 1);
        Rest(Arc::clone(&self.0))
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.send_modify(|rests| *rests -= 1);
    }
}
