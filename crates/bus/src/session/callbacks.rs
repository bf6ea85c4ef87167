//! Forwards amqprs' callbacks for a connection and its channel as events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::Channel;
use amqprs::connection::Connection;
use amqprs::error::Error as AmqpError;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Event, Returned};

/// amqprs runs callbacks in its own tasks, where any call would deadlock. So they only forward.
pub(super) struct Forward {
    events: mpsc::UnboundedSender<Event>,
    /// Whether these events still count for the session.
    counts: Arc<AtomicBool>,
}

impl Forward {
    /// For a connection, as long as it lives.
    pub(super) fn always(events: mpsc::UnboundedSender<Event>) -> Self {
        Self::while_it(Arc::new(AtomicBool::new(true)), events)
    }

    /// For a channel, as long as `counts` is set.
    pub(super) fn while_it(counts: Arc<AtomicBool>, events: mpsc::UnboundedSender<Event>) -> Self {
        Self { events, counts }
    }

    fn pass(&self, event: Event) {
        if self.counts.load(Ordering::Relaxed) {
            // Nobody receives events once the session is dropped.
            let _ = self.events.send(event);
        }
    }
}

#[async_trait]
impl ConnectionCallback for Forward {
    async fn close(&mut self, _: &Connection, close: Close) -> Result<(), AmqpError> {
        self.pass(Event::Closed(close.to_string()));
        Ok(())
    }
    async fn blocked(&mut self, _: &Connection, reason: String) {
        self.pass(Event::Blocked(reason));
    }
    async fn unblocked(&mut self, _: &Connection) {
        self.pass(Event::Unblocked);
    }
    async fn secret_updated(&mut self, _: &Connection) {}
}

#[async_trait]
impl ChannelCallback for Forward {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), AmqpError> {
        self.pass(Event::Closed(format!("{} {}", close.reply_code(), close.reply_text())));
        Ok(())
    }
    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), AmqpError> {
        self.pass(Event::ConsumerCancelled);
        Ok(())
    }
    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, AmqpError> {
        Ok(active)
    }
    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.pass(Event::Confirmed { tag: ack.delivery_tag(), multiple: ack.mutiple() });
    }
    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        self.pass(Event::Rejected { tag: nack.delivery_tag(), multiple: nack.multiple() });
    }
    async fn publish_return(
        &mut self,
        _: &Channel,
        returned: Return,
        properties: BasicProperties,
        _: Vec<u8>,
    ) {
        let message_id = properties.message_id().cloned().unwrap_or_default();
        self.pass(Event::Returned(Returned {
            message_id,
            exchange: returned.exchange().to_owned(),
            routing_key: returned.routing_key().to_owned(),
            reason: returned.reply_text().to_owned(),
        }));
    }
}
