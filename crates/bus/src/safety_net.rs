//! The safety net takes the orders that no typed queue takes. General workers read it; where only
//! specialised ones work, nobody does, and what lies there must go on its way again.

use amqprs::channel::{BasicAckArguments, BasicGetArguments, QueueDeclareArguments};
use config::Rabbitmq;
use domain::{OrderIdentity, OrderMessage};

use crate::delivery::Delivery;
use crate::refusal::is_not_found;
use crate::session::{Session, SessionError, rpc};
use crate::topology::SAFETY_NET_QUEUE;

/// Messages that are shown together.
const PORTION: usize = 200;
/// Most messages that are held at the same time because nobody takes them. Behind so many the rest
/// waits for a general worker.
const MAX_HELD: usize = 1_000;

/// Why the safety net was not cleared, or not to the end. What was not taken is in it still.
#[derive(Debug, thiserror::Error)]
pub enum ClearError<E> {
    /// Whoever takes the messages failed.
    #[error("the messages could not be taken")]
    Take(#[source] E),
    /// RabbitMQ failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// An order that lies in the safety net.
#[derive(Clone, Debug)]
pub struct UnroutedOrder {
    /// What the message says.
    pub order: OrderMessage,
    /// The order that it points to, if it says so.
    pub identity: Option<OrderIdentity>,
}

impl UnroutedOrder {
    /// None if it is no order.
    fn read(delivery: &Delivery) -> Option<Self> {
        let order = OrderMessage::parse(&delivery.body).ok()?;
        Some(Self { order, identity: delivery.order_identity().ok()? })
    }
}

/// Shows the orders that lie in the safety net to `take`, a portion at a time, and removes those of
/// which it says `true`. The others stay, and so does what is no order. What comes meanwhile is
/// left for the next time. Where there is no safety net, there is nothing to show. RabbitMQ lists
/// the connection under `name`.
///
/// # Errors
/// See [`ClearError`]. What was taken may be shown again.
pub async fn clear<E>(
    settings: &Rabbitmq,
    name: &str,
    take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut session = Session::open(settings, name).await?;
    let cleared = match pass(&session, take).await {
        Err(ClearError::Session(why)) => match session.explain(why) {
            // Nothing lies in a queue that is not there. The broker closed the channel with this
            // answer.
            SessionError::ChannelClosed { reason, .. } if is_not_found(&reason) => Ok(()),
            why => Err(ClearError::Session(why)),
        },
        other => other,
    };
    // The broker puts back what is held.
    session.close().await;
    cleared
}

async fn pass<E>(
    session: &Session,
    mut take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
) -> Result<(), ClearError<E>> {
    let mut left = count(session).await?;
    let mut held = 0;
    while left > 0 && held < MAX_HELD {
        let (mut tags, mut orders) = (Vec::new(), Vec::new());
        while left > 0 && tags.len() < PORTION && held < MAX_HELD {
            left -= 1;
            let get = BasicGetArguments::new(SAFETY_NET_QUEUE);
            let got = rpc("looking into the safety net", session.channel.basic_get(get)).await?;
            // A worker was faster.
            let Some((envelope, properties, body)) = got else {
                left = 0;
                break;
            };
            let delivery = Delivery::fetched(&envelope, properties, body);
            if let Some(stray) = UnroutedOrder::read(&delivery) {
                tags.push(delivery.tag);
                orders.push(stray);
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

/// Messages that wait. If there is no such queue, the broker closes the channel.
async fn count(session: &Session) -> Result<u32, SessionError> {
    let passive = QueueDeclareArguments::new(SAFETY_NET_QUEUE).passive(true).finish();
    let answer = rpc("counting the safety net", session.channel.queue_declare(passive)).await?;
    Ok(answer.map_or(0, |(_, ready, _)| ready))
}
