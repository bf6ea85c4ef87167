//! A consumer of one queue.

use std::task::{Context, Poll};

use amqprs::channel::{BasicCancelArguments, BasicConsumeArguments, ConsumerMessage};
use tokio::sync::mpsc;

use crate::delivery::Delivery;
use crate::session::{Session, SessionError, rest_of, rpc};

/// Buffers the messages of one consumer.
pub(super) struct Consumer {
    tag: String,
    messages: mpsc::UnboundedReceiver<ConsumerMessage>,
}

impl Consumer {
    /// Starts consuming. `number` must be new in this session, so that a late delivery cannot reach
    /// a new consumer with the same tag.
    pub(super) async fn start(session: &Session, queue: &str, number: u64) -> Result<Self, SessionError> {
        let arguments = BasicConsumeArguments::new(queue, &format!("{queue}-{number}"));
        let consuming = session.channel.basic_consume_rx(arguments);
        let (tag, messages) = rpc(&format!("consuming '{queue}'"), consuming).await?;
        Ok(Self { tag, messages })
    }

    /// Polls for the next message. `None` if RabbitMQ ended the consumer.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<ConsumerMessage>> {
        self.messages.poll_recv(context)
    }

    /// The messages that have arrived.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = Delivery> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).filter_map(Delivery::new)
    }

    /// Cancels the consumer. Returns the messages in flight: all of them arrive before RabbitMQ's
    /// answer.
    pub(super) async fn cancel(mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        rpc("cancelling a consumer", session.channel.basic_cancel(BasicCancelArguments::new(&self.tag)))
            .await?;
        let rest = rest_of(&mut self.messages).await?;
        Ok(rest.into_iter().filter_map(Delivery::new).collect())
    }
}
