//! What the rescuer asks of RabbitMQ. A test answers with a model.

use bus::safety_net::{self, ClearError, UnroutedOrder};
use bus::{DeadLetterPublisher, inspection};
use db::DbError;
use logging::Log;

/// What the rescuer asks of RabbitMQ.
pub trait KitchenQueues {
    /// Declares what is missing.
    async fn declare(&self) -> Result<(), bus::SessionError>;

    /// Shows what lies in the safety net, a portion at a time, and removes what `take` says.
    async fn clear_safety_net(
        &self,
        take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, DbError>,
    ) -> Result<(), ClearError<DbError>>;

    /// How many messages of this type wait in its queue.
    async fn messages(&self) -> Result<inspection::Queues, bus::SessionError>;
}

/// The name of its connections.
const CONNECTION: &str = "order-service: rescuer";

/// The real ones.
pub struct Broker {
    pub settings: config::Rabbitmq,
    /// Where messages of untrusted publishers go.
    pub dead_letters: DeadLetterPublisher,
    pub log: Log,
}

impl KitchenQueues for Broker {
    async fn declare(&self) -> Result<(), bus::SessionError> {
        inspection::declare_kitchen(&self.settings, CONNECTION).await
    }

    async fn clear_safety_net(
        &self,
        take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, DbError>,
    ) -> Result<(), ClearError<DbError>> {
        safety_net::clear(&self.settings, CONNECTION, &self.dead_letters, &self.log, take).await
    }

    async fn messages(&self) -> Result<inspection::Queues, bus::SessionError> {
        inspection::kitchen_queues(&self.settings, CONNECTION).await
    }
}
