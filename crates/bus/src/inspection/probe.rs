//! Requests that RabbitMQ answers without any effect.
//!
//! - Existence: a passive declaration.
//! - Equality with our declaration: our own declaration, only of what a passive one has just found.
//!   RabbitMQ compares and creates nothing.
//! - Permission: a request with an invalid argument, which RabbitMQ must refuse. It checks
//!   permissions first. So `ACCESS_REFUSED` means that the permission is missing,
//!   `PRECONDITION_FAILED` or `NOT_FOUND` that it is granted. Nothing is declared, published or
//!   consumed either way.
//!
//! Each refusal closes the channel, so the next request gets a new one.

use std::time::Duration;

use amqprs::channel::{
    BasicConsumeArguments, BasicPublishArguments, Channel, ExchangeDeclareArguments, QueueDeclareArguments,
    QueueUnbindArguments,
};
use amqprs::error::Error as AmqpError;
use amqprs::{BasicProperties, FieldTable, FieldValue};
use config::Rabbitmq;
use tokio::time::timeout;

use crate::headers::{insert, text};
use crate::refusal::{is_inaccessible, is_not_found};
use crate::session::{Event, Session, SessionError, rpc};
use crate::topology::{Exchange, Queue};

/// A broker that accepts messages answers at once.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);
/// A routing key without any binding.
const NO_KEY: &str = "restaurant-ctl.doctor";

/// A connection for such requests.
pub(super) struct Probe(Session);

/// RabbitMQ's answer to a request.
pub(super) enum Reply<T> {
    Done(T),
    Refused(Reason),
}

/// Why RabbitMQ closed the channel, such as `404 NOT_FOUND - no queue 'x' in vhost '/'`.
pub(super) struct Reason(pub(super) String);

impl Reason {
    /// Nothing has this name.
    pub(super) fn is_not_found(&self) -> bool {
        is_not_found(&self.0)
    }

    /// The name is known, but its queue cannot be reached.
    pub(super) fn is_inaccessible(&self) -> bool {
        is_inaccessible(&self.0)
    }

    pub(super) fn is_precondition(&self) -> bool {
        self.0.contains("PRECONDITION_FAILED")
    }

    pub(super) fn is_access_refused(&self) -> bool {
        self.0.contains("ACCESS_REFUSED")
    }
}

impl Probe {
    pub(super) async fn open(settings: &Rabbitmq, name: &str) -> Result<Self, SessionError> {
        Session::open(settings, name).await.map(Self)
    }

    pub(super) async fn close(self) {
        self.0.close().await;
    }

    pub(super) fn server(&self) -> (String, String) {
        self.0.server()
    }

    /// The ready messages and the consumers of a queue.
    pub(super) async fn passive_queue(&mut self, name: &str) -> Result<Reply<(u32, u32)>, SessionError> {
        let arguments = QueueDeclareArguments::new(name).passive(true).finish();
        self.ask(async |channel| {
            let answer = channel.queue_declare(arguments).await?;
            Ok(answer.map_or((0, 0), |(_, messages, consumers)| (messages, consumers)))
        })
        .await
    }

    pub(super) async fn passive_exchange(&mut self, exchange: &Exchange) -> Result<Reply<()>, SessionError> {
        let arguments = exchange.declaration().passive(true).finish();
        self.ask(async |channel| channel.exchange_declare(arguments).await).await
    }

    /// Compares an existing exchange with ours.
    pub(super) async fn same_exchange(&mut self, exchange: &Exchange) -> Result<Reply<()>, SessionError> {
        self.ask(async |channel| channel.exchange_declare(exchange.declaration()).await).await
    }

    /// Compares an existing queue with ours.
    pub(super) async fn same_queue(&mut self, queue: &Queue) -> Result<Reply<()>, SessionError> {
        let ours = queue.declaration(self.0.queue_type);
        self.ask(async |channel| channel.queue_declare(ours).await.map(drop)).await
    }

    /// Whether the user may declare an exchange of this name. The alternate exchange is a number,
    /// which is invalid.
    pub(super) async fn may_configure_exchange(&mut self, name: &str) -> Result<bool, SessionError> {
        let mut senseless = FieldTable::new();
        insert(&mut senseless, "alternate-exchange", FieldValue::l(0));
        let arguments =
            ExchangeDeclareArguments::new(name, "fanout").durable(true).arguments(senseless).finish();
        self.may(async |channel| channel.exchange_declare(arguments).await).await
    }

    /// Whether the user may declare a queue of this name. The time to live is a word, which is
    /// invalid.
    pub(super) async fn may_configure_queue(&mut self, name: &str) -> Result<bool, SessionError> {
        let mut senseless = FieldTable::new();
        insert(&mut senseless, "x-message-ttl", text("never"));
        let arguments =
            QueueDeclareArguments::new(name).exclusive(true).auto_delete(true).arguments(senseless).finish();
        self.may(async |channel| channel.queue_declare(arguments).await.map(drop)).await
    }

    /// Whether the user may publish here. The time to live is a word, which is invalid.
    pub(super) async fn may_publish(&mut self, exchange: &str) -> Result<bool, SessionError> {
        let properties = BasicProperties::default().with_expiration("never").finish();
        let arguments = BasicPublishArguments::new(exchange, NO_KEY);
        rpc("publishing", self.0.channel.basic_publish(properties, Vec::new(), arguments)).await?;
        let doing = || "publishing a message that must be refused".to_owned();
        let refusal = timeout(ANSWER_DEADLINE, self.0.events.recv()).await;
        let Ok(Some(Event::Closed(reason))) = refusal else {
            return Err(SessionError::Timeout { doing: doing(), after: ANSWER_DEADLINE });
        };
        self.0.reopen_channel().await?;
        Ok(!Reason(reason).is_access_refused())
    }

    /// Whether the user may consume the queue. The priority is a word, which is invalid.
    pub(super) async fn may_consume(&mut self, queue: &str) -> Result<bool, SessionError> {
        let mut senseless = FieldTable::new();
        insert(&mut senseless, "x-priority", text("high"));
        let arguments = BasicConsumeArguments::new(queue, "").arguments(senseless).finish();
        self.may(async |channel| channel.basic_consume_rx(arguments).await.map(drop)).await
    }

    /// Whether the user may bind the queue to the exchange. Removing a missing binding needs the
    /// same permissions.
    pub(super) async fn may_bind(
        &mut self,
        queue: &str,
        exchange: &str,
    ) -> Result<Option<Reason>, SessionError> {
        let arguments = QueueUnbindArguments::new(queue, exchange, NO_KEY);
        let reply = self.ask(async |channel| channel.queue_unbind(arguments).await).await?;
        Ok(match reply {
            Reply::Refused(reason) if reason.is_access_refused() => Some(reason),
            Reply::Refused(_) | Reply::Done(()) => None,
        })
    }

    /// Whether the broker still answers after a message. During an alarm for memory or disk space
    /// it does not. The message is unroutable. `None` if the user may not publish it.
    pub(super) async fn takes_messages(&mut self) -> Option<bool> {
        let asking = async {
            let nowhere = BasicPublishArguments::new("", NO_KEY);
            self.0.channel.basic_publish(BasicProperties::default(), Vec::new(), nowhere).await?;
            self.0.channel.flow(true).await.map(drop)
        };
        match timeout(ANSWER_DEADLINE, asking).await {
            Ok(Ok(())) => Some(true),
            Ok(Err(_)) => None,
            Err(_) => Some(false),
        }
    }

    async fn may(
        &mut self,
        question: impl AsyncFnOnce(&Channel) -> Result<(), AmqpError>,
    ) -> Result<bool, SessionError> {
        Ok(match self.ask(question).await? {
            Reply::Refused(reason) => !reason.is_access_refused(),
            Reply::Done(()) => true,
        })
    }

    async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&Channel) -> Result<T, AmqpError>,
    ) -> Result<Reply<T>, SessionError> {
        match rpc("a question", question(&self.0.channel)).await {
            Ok(answer) => Ok(Reply::Done(answer)),
            Err(why) => match self.0.explain(why) {
                SessionError::ChannelClosed { reason, .. } => {
                    self.0.reopen_channel().await?;
                    Ok(Reply::Refused(Reason(reason)))
                }
                why => Err(why),
            },
        }
    }
}
