//! What the rescuer asks of RabbitMQ. A test answers with a model.

use bus::inspection;
use bus::safety_net::{self, ClearError, UnroutedOrder};
use db::DbError;

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
pub struct Broker(pub config::Rabbitmq);

impl KitchenQueues for Broker {
    async fn declare(&self) -> Result<(), bus::SessionError> {
        inspection::declare_kitchen(&self.0, CONNECTION).await
    }

    async fn clear_safety_net(
        &self,
        take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, DbError>,
    ) -> Result<(), ClearError<DbError>> {
        safety_net::clear(&self.0, CONNECTION, take).await
    }

    async fn messages(&self) -> Result<inspection::Queues, bus::SessionError> {
        inspection::kitchen_queues(&self.0, CONNECTION).await
    }
}
