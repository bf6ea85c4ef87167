//! A delivery in a service's hands, and how it is settled.

use std::sync::Arc;

use telemetry::metrics::{DELIVERIES_HELD, DELIVERIES_RETURNED};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::delivery::Delivery;
use crate::message::Outgoing;

/// Permits of the consumer's prefetch. A shared permit is free when its last clone is dropped.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

/// What is common to all unsettled messages, whatever they are about.
pub trait Leased: Sized {
    /// The message.
    fn delivery(&self) -> &Delivery;
    /// See [`LeasedDelivery::ack`].
    fn ack(self);
    /// See [`LeasedDelivery::dead_letter`].
    #[must_use = "a returned message still has to be settled"]
    fn dead_letter(self) -> Option<Self>;
}

impl Leased for LeasedDelivery {
    fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    fn ack(self) {
        Self::ack(self);
    }

    fn dead_letter(self) -> Option<Self> {
        Self::dead_letter(self)
    }
}

/// An unsettled delivery, and the permit that it takes until then.
///
/// If it is dropped unsettled, it stays leased until the session ends. Then RabbitMQ delivers it
/// again.
#[derive(Debug)]
pub struct LeasedDelivery {
    /// The message.
    pub delivery: Delivery,
    /// Leads to the session that received it, which may have ended.
    pub(super) settlements: Settlements,
    pub(super) permit: Permit,
    /// Until it is settled.
    pub(super) _held: Held,
}

/// Counts a delivery that is held. Dropping this counts it no more.
#[derive(Debug)]
pub(super) struct Held(());

impl Held {
    pub(super) fn one() -> Self {
        DELIVERIES_HELD.inc();
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        DELIVERIES_HELD.dec();
    }
}

/// The way to a session.
#[derive(Clone, Debug)]
pub(super) struct Settlements {
    pub(super) sender: mpsc::UnboundedSender<Settlement>,
    /// The exchange for dead letters is usable. Without one, RabbitMQ would drop the message.
    pub(super) can_dead_letter: bool,
}

/// How to settle a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Acknowledge: remove it.
    Ack,
    /// Requeue at its old position, for any consumer.
    Requeue,
    /// Reject without requeueing: RabbitMQ moves it to the dead letters.
    DeadLetter,
}

/// The settlement of a delivery.
#[derive(Debug)]
pub(super) struct Settlement {
    /// The delivery tag.
    pub(super) tag: u64,
    pub(super) verdict: Verdict,
    /// What takes its place: it is published first.
    pub(super) copy: Option<Outgoing>,
    /// Held until the settlement is sent.
    pub(super) _permit: Option<Permit>,
}

impl Settlement {
    /// Requeues a delivery that has no permit.
    pub(super) fn requeued(tag: u64) -> Self {
        Self { tag, verdict: Verdict::Requeue, copy: None, _permit: None }
    }
}

impl LeasedDelivery {
    /// Acknowledges it. If its session has ended, RabbitMQ delivers it again instead.
    pub fn ack(self) {
        self.settle(Verdict::Ack, None);
    }

    /// Publishes this copy and acknowledges the delivery: in one step, if settlements are
    /// transactions.
    pub(crate) fn replace(self, copy: Outgoing) {
        self.settle(Verdict::Ack, Some(copy));
    }

    /// Rejects it: RabbitMQ moves it to the dead letters, without a copy made here. Returns it if
    /// there is no exchange for dead letters.
    #[must_use = "a returned delivery still has to be settled"]
    pub fn dead_letter(self) -> Option<Self> {
        if !self.settlements.can_dead_letter {
            return Some(self);
        }
        self.settle(Verdict::DeadLetter, None);
        None
    }

    /// Requeues it at its old position in the queue, for any consumer.
    pub fn requeue(self) {
        DELIVERIES_RETURNED.inc();
        self.settle(Verdict::Requeue, None);
    }

    fn settle(self, verdict: Verdict, copy: Option<Outgoing>) {
        let settlement = Settlement { tag: self.delivery.tag, verdict, copy, _permit: Some(self.permit) };
        // If the session has ended, RabbitMQ has requeued the message already.
        let _ = self.settlements.sender.send(settlement);
    }
}
