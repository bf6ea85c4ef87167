//! A consumer of one queue.

use std::task::{Context, Poll};

use amqprs::channel::{BasicCancelArguments, BasicConsumeArguments, ConsumerMessage};
use tokio::sync::mpsc;

use crate::delivery::Delivery;
use crate::session::{Session, SessionError, rest_of, rpc};

/// What it brings waits here until somebody takes it.
pub(super) struct Consumer {
    tag: String,
    messages: mpsc::UnboundedReceiver<ConsumerMessage>,
}

impl Consumer {
    /// Starts consuming. The number must not have been used before in this session, so that a late
    /// delivery cannot be taken for a new consumer's.
    pub(super) async fn start(session: &Session, queue: &str, number: u64) -> Result<Self, SessionError> {
        let arguments = BasicConsumeArguments::new(queue, &format!("{queue}-{number}"));
        let consuming = session.channel.basic_consume_rx(arguments);
        let (tag, messages) = rpc(&format!("consuming '{queue}'"), consuming).await?;
        Ok(Self { tag, messages })
    }

    /// The next message; `None` if the broker ended the consumer.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<ConsumerMessage>> {
        self.messages.poll_recv(context)
    }

    /// What has arrived already.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = Delivery> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).filter_map(Delivery::new)
    }

    /// Stops consuming, and returns what was still under way: all of it arrives before
    /// the broker's answer.
    pub(super) async fn cancel(mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        rpc("cancelling a consumer", session.channel.basic_cancel(BasicCancelArguments::new(&self.tag)))
            .await?;
        let rest = rest_of(&mut self.messages).await?;
        Ok(rest.into_iter().filter_map(Delivery::new).collect())
    }
}
