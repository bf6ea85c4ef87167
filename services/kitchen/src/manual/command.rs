//! What people ask of an order in flight.

use domain::OrderStatus;
use tokio::sync::oneshot;

/// The most commands about one order that wait for their turn: more than a kitchen has displays.
pub(super) const MOST_WAITING: usize = 16;

/// A step of an order that a person makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// The person begins to cook it.
    Start,
    /// It is cooked.
    Ready,
    /// It is to be cooked once more.
    Recall,
}

impl Bump {
    /// The status from which it usually goes on: what a person saw who does not say it.
    pub fn usual(self) -> OrderStatus {
        match self {
            Self::Start => OrderStatus::Received,
            Self::Ready => OrderStatus::Cooking,
            Self::Recall => OrderStatus::RECALL.0,
        }
    }
}

/// A step that a person asks for.
#[derive(Debug)]
pub(super) struct Command {
    pub bump: Bump,
    /// The status that the person saw.
    pub seen: OrderStatus,
    pub reply: Reply,
}

/// The way to whoever asked. Dropped, it says that the step was not made; the database tells why.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<()>);

impl Reply {
    /// A way, and its end.
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// The step was made.
    pub fn done(self) {
        // Whoever asked may have gone. The displays see it all the same.
        let _ = self.0.send(());
    }
}
