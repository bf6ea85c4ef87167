//! The requests of guests who order by message: never more unacknowledged ones than the prefetch.
//!
//! Settlements are transactions of AMQP: each burst of them is followed by one `tx.commit`. So a
//! request and its [identified](LeasedRequest::identify) copy change places in one step.

use config::Rabbitmq;
use logging::Log;

use crate::consuming::{Intake, Leased, LeasedDelivery, Source};
use crate::delivery::Delivery;
use crate::link_state::LinkState;
use crate::message::Outgoing;
use crate::trust::UntrustedPublisher;

/// The requests that an order service receives.
#[derive(Debug)]
pub struct RequestIntake(Intake);

impl RequestIntake {
    /// Starts consuming the queue of requests with at most `prefetch` unacknowledged messages.
    /// Reconnects until it is closed. RabbitMQ lists the connection under `name`.
    pub fn start(settings: Rabbitmq, name: &str, prefetch: u16, log: Log) -> Self {
        Self(Intake::start(settings, name, Source::Requests, prefetch, log))
    }

    /// Whether requests can come in at the moment.
    pub fn link(&self) -> LinkState {
        self.0.link()
    }

    /// Waits for the next request, in the order of the queue. `None` after [`stop`](Self::stop),
    /// once all received requests were returned.
    pub async fn next(&mut self) -> Option<LeasedRequest> {
        self.0.next().await.map(LeasedRequest)
    }

    /// Stops consuming. Leased requests can still be settled.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Sends the settlements made so far and ends the session. RabbitMQ requeues everything else.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// An unsettled request, and the permit that it takes until then.
///
/// If it is dropped unsettled, it stays leased until the session ends. Then RabbitMQ delivers it
/// again.
#[derive(Debug)]
pub struct LeasedRequest(LeasedDelivery);

impl LeasedRequest {
    /// The message.
    pub fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    /// Acknowledges it. If its session has ended, RabbitMQ delivers it again instead.
    pub fn ack(self) {
        self.0.ack();
    }

    /// Rejects it: RabbitMQ moves it to the dead letters, without a copy made here. Returns it if
    /// there is no exchange for dead letters.
    #[must_use = "a returned request still has to be settled"]
    pub fn dead_letter(self) -> Option<Self> {
        self.0.dead_letter().map(Self)
    }

    /// Requeues it at its old position in the queue, for any consumer.
    pub fn requeue(self) {
        self.0.requeue();
    }

    /// Replaces it by a copy with this message id, at the end of the queue. Returns it if its body
    /// was withheld, because the copy would have none.
    ///
    /// A request without an id cannot be recognised when it is delivered again after a crash. Once
    /// it has one, the database decides whether it was placed.
    ///
    /// The copy is published and the original acknowledged in one transaction, so a crash of this
    /// service leaves one of the two. If RabbitMQ itself crashes during the commit, it can keep
    /// both.
    #[must_use = "a returned request still has to be settled"]
    pub fn identify(self, message_id: &str) -> Option<Self> {
        let copy = Outgoing::identified(self.delivery(), message_id);
        self.replace(copy)
    }

    /// As [`identify`](Self::identify), for a request that was refused for its sender: the copy
    /// names that sender.
    #[must_use = "a returned request still has to be settled"]
    pub fn identify_refused(self, message_id: &str, why: &UntrustedPublisher) -> Option<Self> {
        let copy = Outgoing::identified(self.delivery(), message_id);
        self.replace(copy.map(|copy| copy.refused_for(why)))
    }

    fn replace(self, copy: Option<Outgoing>) -> Option<Self> {
        match copy {
            Some(copy) => {
                self.0.replace(copy);
                None
            }
            None => Some(self),
        }
    }
}

impl Leased for LeasedRequest {
    fn delivery(&self) -> &Delivery {
        Self::delivery(self)
    }

    fn ack(self) {
        Self::ack(self);
    }

    fn dead_letter(self) -> Option<Self> {
        Self::dead_letter(self)
    }
}
