//! The safety net takes the orders that no typed queue takes. Only general workers consume it.
//! Where there are none, [`clear`] returns its orders to their typed queues.

use amqprs::channel::{BasicAckArguments, BasicGetArguments, BasicRejectArguments, QueueDeclareArguments};
use config::{MessageKind, Publishers, Rabbitmq};
use domain::{OrderIdentity, OrderMessage};
use logging::{Log, action};

use crate::dead_letter_publisher::{DeadLetterError, DeadLetterPublisher};
use crate::declaration::{AnswerTimeout, declare_place_for_dead_letters};
use crate::delivery::Delivery;
use crate::refusal::is_not_found;
use crate::session::{Session, SessionError, rpc};
use crate::topology::{DEAD_LETTER_QUEUE, SAFETY_NET_QUEUE};
use crate::trust::UntrustedPublisher;

/// The number of messages that are passed on together.
const BATCH: usize = 200;
/// The most unprocessable messages that one run holds. What lies behind them waits for a general
/// worker.
const MAX_HELD: usize = 1_000;

/// Why the safety net was not cleared completely. Messages that were not taken are still in it.
#[derive(Debug, thiserror::Error)]
pub enum ClearError<E> {
    /// The callback failed.
    #[error("the messages could not be taken")]
    Take(#[source] E),
    /// What somebody sent who may not send orders is still there.
    #[error("a message of an untrusted publisher could not be moved out of the safety net")]
    DeadLetter(#[source] DeadLetterError),
    /// RabbitMQ failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// An order in the safety net.
#[derive(Clone, Debug)]
pub struct UnroutedOrder {
    /// The order in the message.
    pub order: OrderMessage,
    /// The order that the message points to, if it says so.
    pub identity: Option<OrderIdentity>,
}

impl UnroutedOrder {
    /// Returns `None` if the message is not an order.
    ///
    /// # Errors
    /// Who sent it may not send orders.
    fn read(delivery: &Delivery, publishers: &Publishers) -> Result<Option<Self>, UntrustedPublisher> {
        delivery.check_sender(publishers, MessageKind::Orders)?;
        let Ok(order) = OrderMessage::parse(&delivery.body) else { return Ok(None) };
        Ok(delivery.order_identity().ok().map(|identity| Self { order, identity }))
    }
}

/// Passes the orders in the safety net to `take` in batches, and removes those for which it returns
/// `true`. What somebody sent who may not send orders goes to the dead letters. All other messages
/// stay. Messages that arrive meanwhile wait for the next call. Without a safety net there is
/// nothing to do. RabbitMQ lists the connection under `name`.
///
/// # Errors
/// See [`ClearError`]. Messages that were taken may be passed on again.
pub async fn clear<E>(
    settings: &Rabbitmq,
    name: &str,
    dead_letters: &DeadLetterPublisher,
    log: &Log,
    take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut session = Session::open(settings, name).await?;
    let cleared = match pass(&mut session, &settings.publishers, dead_letters, log, take).await {
        Err(ClearError::Session(why)) => match session.explain(why) {
            // RabbitMQ closed the channel because there is no such queue. So there are no messages.
            SessionError::ChannelClosed { reason, .. } if is_not_found(&reason) => Ok(()),
            why => Err(ClearError::Session(why)),
        },
        other => other,
    };
    // RabbitMQ requeues what is unacknowledged.
    session.close().await;
    cleared
}

async fn pass<E>(
    session: &mut Session,
    publishers: &Publishers,
    dead_letters: &DeadLetterPublisher,
    log: &Log,
    mut take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut left = count(session).await?;
    let mut held = 0;
    let mut refusing = Refusing { can_reject: false, dead_letters, failure: None, log };
    // Before anything is held: a refusal takes a new channel.
    if left > 0 && !publishers.admit(MessageKind::Orders, None) {
        let refusals = declare_place_for_dead_letters(session, AnswerTimeout::Long).await?;
        refusing.can_reject = refusals.keep_dead_letters();
    }
    while left > 0 && held < MAX_HELD {
        let (mut tags, mut orders) = (Vec::new(), Vec::new());
        while left > 0 && tags.len() < BATCH && held < MAX_HELD {
            left -= 1;
            let get = BasicGetArguments::new(SAFETY_NET_QUEUE);
            let got = rpc("looking into the safety net", session.channel.basic_get(get)).await?;
            // A worker consumed it first.
            let Some((envelope, properties, body)) = got else {
                left = 0;
                break;
            };
            let delivery = Delivery::fetched(&envelope, properties, body);
            match UnroutedOrder::read(&delivery, publishers) {
                Ok(Some(order)) => {
                    tags.push(delivery.tag);
                    orders.push(order);
                }
                Ok(None) => held += 1,
                Err(why) => {
                    if !refusing.refuse(session, &delivery, &why).await? {
                        held += 1;
                    }
                }
            }
        }
        if orders.is_empty() {
            continue;
        }
        let taken = take(&orders).await.map_err(ClearError::Take)?;
        for (tag, taken) in tags.into_iter().zip(taken) {
            if taken {
                remove(session, tag).await?;
            } else {
                held += 1;
            }
        }
    }
    refusing.failure.map_or(Ok(()), |why| Err(ClearError::DeadLetter(why)))
}

/// Moves what somebody sent who may not send orders to the dead letters. If it stayed, it would
/// hide the orders behind it.
struct Refusing<'a> {
    /// RabbitMQ can move a message itself.
    can_reject: bool,
    dead_letters: &'a DeadLetterPublisher,
    /// The first one. Then nothing more is moved.
    failure: Option<DeadLetterError>,
    log: &'a Log,
}

impl Refusing<'_> {
    /// Whether the message was moved.
    async fn refuse(
        &mut self,
        session: &Session,
        delivery: &Delivery,
        why: &UntrustedPublisher,
    ) -> Result<bool, SessionError> {
        if self.failure.is_some() {
            return Ok(false);
        }
        // A body that is too large was discarded. RabbitMQ has it, and moves it without the reason.
        if delivery.body.is_empty() {
            if !self.can_reject {
                self.failure = Some(DeadLetterError::NoExchange);
                return Ok(false);
            }
            let reject = BasicRejectArguments::new(delivery.tag, false);
            rpc("rejecting from the safety net", session.channel.basic_reject(reject)).await?;
        } else {
            if let Err(failure) = self.dead_letters.copy(delivery, &why.to_string()).await {
                self.failure = Some(failure);
                return Ok(false);
            }
            remove(session, delivery.tag).await?;
        }
        why.count();
        let message = format!("A message in the safety net is not taken; it went to {DEAD_LETTER_QUEUE}");
        let line = self.log.error(action::MESSAGE_UNTRUSTED, message, why);
        line.detail("routing_key", delivery.routing_key.as_str()).emit_limited();
        Ok(true)
    }
}

async fn remove(session: &Session, tag: u64) -> Result<(), SessionError> {
    let ack = BasicAckArguments::new(tag, false);
    rpc("removing from the safety net", session.channel.basic_ack(ack)).await
}

/// The number of ready messages. Without such a queue, RabbitMQ closes the channel.
async fn count(session: &Session) -> Result<u32, SessionError> {
    let passive = QueueDeclareArguments::new(SAFETY_NET_QUEUE).passive(true).finish();
    let answer = rpc("counting the safety net", session.channel.queue_declare(passive)).await?;
    Ok(answer.map_or(0, |(_, ready, _)| ready))
}
