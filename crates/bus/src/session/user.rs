//! Who sends the messages of a session: RabbitMQ refuses a message that names another user.

use amqprs::BasicProperties;
use amqprs::channel::BasicPublishArguments;
use tokio::time::timeout;

use super::{CALL_DEADLINE, Event, Session, SessionError, rpc};
use crate::refusal::authenticated_user;

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

    /// Learns the name that RabbitMQ has for a certificate, which it does not tell on its own. It
    /// replaces the channel. The name stays unknown if the user may not publish to the exchange.
    ///
    /// RabbitMQ refuses a message of another sender, and says who sent it. That is asked for with a
    /// message whose time to live is a word, which is refused whoever sends it. So nothing is ever
    /// published.
    pub(crate) async fn learn_user(&mut self, exchange: &str) -> Result<(), SessionError> {
        if self.user.is_some() {
            return Ok(());
        }
        let doing = "asking under which name it let the certificate in";
        let nobody = BasicProperties::default().with_user_id("").with_expiration("never").finish();
        let arguments = BasicPublishArguments::new(exchange, "");
        rpc(doing, self.channel.basic_publish(nobody, Vec::new(), arguments)).await?;
        let refusal = async {
            loop {
                match self.events.recv().await {
                    Some(Event::Closed(reason)) => return Ok(reason),
                    // From a connection that publishes during an alarm nothing more is read.
                    Some(Event::Blocked(reason)) => return Err(SessionError::Lost(reason)),
                    Some(_) => {}
                    None => return Err(SessionError::Lost("its tasks ended".to_owned())),
                }
            }
        };
        let late = || SessionError::Timeout { doing: doing.to_owned(), after: CALL_DEADLINE };
        let reason = timeout(CALL_DEADLINE, refusal).await.map_err(|_| late())??;
        self.user = authenticated_user(&reason).map(str::to_owned);
        self.reopen_channel().await
    }
}
