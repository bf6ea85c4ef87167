//! A kitchen worker's orders: never more unacknowledged ones than its prefetch, over all its
//! queues.

use config::Rabbitmq;
use logging::Log;

pub use crate::consuming::LeasedDelivery;
use crate::consuming::{Intake, Source};
use crate::link_state::LinkState;

/// The orders that a worker receives.
#[derive(Debug)]
pub struct OrderIntake(Intake);

impl OrderIntake {
    /// Starts consuming `queues` with at most `prefetch` unacknowledged messages. Reconnects until
    /// it is closed. RabbitMQ lists the connection under `name`.
    pub fn start(settings: Rabbitmq, name: &str, queues: Vec<&'static str>, prefetch: u16, log: Log) -> Self {
        Self(Intake::start(settings, name, Source::Kitchen(queues), prefetch, log))
    }

    /// Whether orders can come in at the moment.
    pub fn link(&self) -> LinkState {
        self.0.link()
    }

    /// Waits for the next order. `None` after [`stop`](Self::stop), once all received orders were
    /// returned.
    pub async fn next(&mut self) -> Option<LeasedDelivery> {
        self.0.next().await
    }

    /// Stops consuming. Leased deliveries can still be settled.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Sends the settlements made so far and ends the session. RabbitMQ requeues everything else.
    pub async fn close(self) {
        self.0.close().await;
    }
}
