//! A channel for a single task beside the session's own.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use amqprs::channel::Channel;
use amqprs::connection::Connection;
use config::QueueType;
use tokio::sync::mpsc;

use super::{Event, SessionError, explain, open_channel};

/// A refusal or a hanging call on it does not affect the session or other channels. It closes when
/// it is dropped.
pub(crate) struct SideChannel {
    pub(crate) channel: Channel,
    /// As the session's.
    pub(crate) queue_type: QueueType,
    events: mpsc::UnboundedReceiver<Event>,
}

impl SideChannel {
    pub(super) async fn open(connection: &Connection, queue_type: QueueType) -> Result<Self, SessionError> {
        let (sender, events) = mpsc::unbounded_channel();
        let channel = open_channel(connection, Arc::new(AtomicBool::new(true)), sender).await?;
        Ok(Self { channel, queue_type, events })
    }

    /// Waits until RabbitMQ closes it, and returns why. `None`: the connection has ended.
    pub(super) async fn closed(&mut self) -> Option<String> {
        loop {
            if let Event::Closed(reason) = self.events.recv().await? {
                return Some(reason);
            }
        }
    }

    /// See [`Session::explain`](super::Session::explain).
    pub(crate) fn explain(&mut self, error: SessionError) -> SessionError {
        explain(&mut self.events, error)
    }
}
