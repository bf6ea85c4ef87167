//! Who sends the messages of a session: RabbitMQ refuses a message that names another user.

use std::time::Duration;

use amqprs::BasicProperties;
use amqprs::channel::BasicPublishArguments;
use tokio::time::timeout;

use super::{Session, SessionError, rpc};
use crate::refusal::authenticated_user;

/// RabbitMQ refuses a message within this time, or not at all.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(3);

impl Session {
    /// The name under which RabbitMQ knows who logged in, as far as this is known.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Names the sender in a message. RabbitMQ checks it: `user_id` is what consumers can trust.
    pub(crate) fn sign(&self, properties: &mut BasicProperties) {
        if let Some(user) = &self.user {
            properties.with_user_id(user);
        }
    }

    /// Learns the name that RabbitMQ has for a certificate, which it does not tell on its own. The
    /// name stays unknown if the user may not publish to the exchange.
    ///
    /// RabbitMQ refuses a message of another sender, and says who sent it. It is published in a
    /// transaction that nobody commits: RabbitMQ would take it from a user that may name others.
    pub(crate) async fn learn_user(&mut self, exchange: &str) -> Result<(), SessionError> {
        if self.user.is_some() {
            return Ok(());
        }
        let doing = "asking under which name it let the certificate in";
        let mut asking = self.side_channel().await?;
        rpc(doing, asking.channel.tx_select()).await?;
        let of_nobody = BasicProperties::default().with_user_id("").finish();
        let arguments = BasicPublishArguments::new(exchange, "");
        rpc(doing, asking.channel.basic_publish(of_nobody, Vec::new(), arguments)).await?;
        let refusal = timeout(REFUSAL_DEADLINE, asking.closed()).await.ok().flatten();
        self.user = refusal.as_deref().and_then(authenticated_user).map(str::to_owned);
        Ok(())
    }
}
