//! The safety net takes the orders that no typed queue takes. Only general workers consume it.
//! Where there are none, [`clear`] returns its orders to their typed queues.

use amqprs::channel::{BasicAckArguments, BasicGetArguments, QueueDeclareArguments};
use config::{MessageKind, Publishers, Rabbitmq};
use domain::{OrderIdentity, OrderMessage};

use crate::delivery::Delivery;
use crate::refusal::is_not_found;
use crate::session::{Session, SessionError, rpc};
use crate::topology::SAFETY_NET_QUEUE;

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
    /// Returns `None` if the message is not an order, or not of somebody who may send one.
    fn read(delivery: &Delivery, publishers: &Publishers) -> Option<Self> {
        delivery.check_sender(publishers, MessageKind::Orders).ok()?;
        let order = OrderMessage::parse(&delivery.body).ok()?;
        Some(Self { order, identity: delivery.order_identity().ok()? })
    }
}

/// Passes the orders in the safety net to `take` in batches, and removes those for which it returns
/// `true`. All other messages stay. Messages that arrive meanwhile wait for the next call. Without
/// a safety net there is nothing to do. RabbitMQ lists the connection under `name`.
///
/// # Errors
/// See [`ClearError`]. Messages that were taken may be passed on again.
pub async fn clear<E>(
    settings: &Rabbitmq,
    name: &str,
    take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut session = Session::open(settings, name).await?;
    let cleared = match pass(&session, &settings.publishers, take).await {
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
    session: &Session,
    publishers: &Publishers,
    mut take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut left = count(session).await?;
    let mut held = 0;
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
            if let Some(order) = UnroutedOrder::read(&delivery, publishers) {
                tags.push(delivery.tag);
                orders.push(order);
            } else {
                held += 1;
            }
        }
        if orders.is_empty() {
            continue;
        }
        let taken = take(&orders).await.map_err(ClearError::Take)?;
        for (tag, taken) in tags.into_iter().zip(taken) {
            if taken {
                let ack = BasicAckArguments::new(tag, false);
                rpc("removing from the safety net", session.channel.basic_ack(ack)).await?;
            } else {
                held += 1;
            }
        }
    }
    Ok(())
}

/// The number of ready messages. Without such a queue, RabbitMQ closes the channel.
async fn count(session: &Session) -> Result<u32, SessionError> {
    let passive = QueueDeclareArguments::new(SAFETY_NET_QUEUE).passive(true).finish();
    let answer = rpc("counting the safety net", session.channel.queue_declare(passive)).await?;
    Ok(answer.map_or(0, |(_, ready, _)| ready))
}
