//! Declaring the topology, part by part: what cannot be had concerns only those who need it.
//!
//! A refusal closes the channel, so that the next part gets a new one. What a part's refusal means
//! is its owner's to say: an order service goes on with the types whose queues it has, a worker
//! with the queues that it can consume.

use std::time::Duration;

use amqprs::channel::{QueueBindArguments, QueueDeclareArguments};
use domain::OrderType;
use logging::Log;
use runtime::with_causes;

use crate::refusal::is_not_found;
use crate::session::{CALL_DEADLINE, Session, SessionError, rpc, rpc_within};
use crate::topology::{self, Exchange, Queue};

/// How long a queue is waited for while others wait for the connection: one whose process hangs
/// must not keep the other types back for as long as
/// [`CONNECTION_WAIT`](crate::publisher::CONNECTION_WAIT).
pub(crate) const BRIEF_DEADLINE: Duration = Duration::from_secs(1);

/// What cannot be used of the topology, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals(Vec<Refusal>);

/// An exchange or a queue that cannot be used as it is declared here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    /// The broker's reason, and what to do.
    pub(crate) why: String,
    /// It is there all the same: with other settings, or out of reach. What is published to it
    /// stays there.
    is_there: bool,
}

impl Refusals {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }

    pub(crate) fn of(&self, name: &str) -> Option<&Refusal> {
        self.0.iter().find(|refusal| refusal.name == name)
    }

    /// Whether what the broker is to dead-letter is kept somewhere.
    pub(crate) fn keep_dead_letters(&self) -> bool {
        self.of(topology::DEAD_LETTER_EXCHANGE).is_none()
            && self.of(topology::DEAD_LETTER_QUEUE).is_none_or(|refusal| refusal.is_there)
    }

    /// Why orders of a type cannot be sent: their queue is there and cannot be used, or it is not
    /// there and neither is the safety net.
    pub(crate) fn of_type(&self, order_type: OrderType) -> Option<&Refusal> {
        let refusal = self.of(topology::kitchen_queue(order_type))?;
        if refusal.is_there {
            return Some(refusal);
        }
        let net = [topology::UNROUTED_EXCHANGE, topology::SAFETY_NET_QUEUE];
        net.into_iter().any(|name| self.of(name).is_some()).then_some(refusal)
    }
}

/// Why what was refused could not be declared again. Attempts follow each other every few seconds
/// and fail for the same reason most of the time: each reason is logged when it is new.
#[derive(Debug, Default)]
pub(crate) struct FailedAttempt(Option<String>);

impl FailedAttempt {
    /// Logs why an attempt failed, unless the attempt before failed for the same reason.
    pub(crate) fn log_once(&mut self, log: &Log, message: &str, why: &SessionError) {
        let reason = Some(with_causes(why));
        if self.0 != reason {
            log.error("rabbitmq_declaration_failed", message, why).emit();
            self.0 = reason;
        }
    }

    /// An attempt got its answers.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

/// Declares what carries orders: for whoever places or cooks them, so that an order placed before
/// the first worker ever ran waits for it. Also where the broker puts what a worker refuses;
/// whoever places an order does not depend on that.
///
/// # Errors
/// The session failed, or the exchange that orders are published to cannot be had. A queue that
/// does not answer within its deadline is a refusal.
pub(crate) async fn declare_kitchen(
    session: &mut Session,
    queue_deadline: Duration,
) -> Result<Refusals, SessionError> {
    let mut refusals = Vec::new();
    let (exchanges, queues) = topology::kitchen();
    for exchange in &exchanges {
        match declare_exchange(session, exchange).await {
            Ok(()) => {}
            Err(why) if exchange.name == topology::ORDERS_EXCHANGE => return Err(why),
            Err(why) => refusals.push(refused(session, exchange.name, why).await?),
        }
    }
    for queue in &queues {
        if let Err(why) = declare_queue(session, queue, queue_deadline).await {
            let hangs = matches!(why, SessionError::Timeout { .. });
            let refusal = refused(session, queue.name, why).await?;
            let is_there = hangs || is_there(session, queue).await?;
            refusals.push(Refusal { is_there, ..refusal });
        }
    }
    refusals.extend(declare_place_for_dead_letters(session, queue_deadline).await?.0);
    let refusals = Refusals(refusals);
    match OrderType::ALL.map(|order_type| refusals.of_type(order_type)) {
        // Nothing can be sent: that is as good as no connection.
        [Some(first), Some(_), Some(_)] => Err(SessionError::Declined(first.why.clone())),
        _ => Ok(refusals),
    }
}

/// Declares where dead letters go, if they can go anywhere.
///
/// # Errors
/// The session failed.
pub(crate) async fn declare_place_for_dead_letters(
    session: &mut Session,
    queue_deadline: Duration,
) -> Result<Refusals, SessionError> {
    match declare_dead_letters(session, queue_deadline).await {
        Ok(refusals) => Ok(refusals),
        Err(why) => Ok(Refusals(vec![refused(session, topology::DEAD_LETTER_EXCHANGE, why).await?])),
    }
}

/// Declares where dead letters go. A queue that is there with other settings keeps them as well.
///
/// # Errors
/// The session failed, or there is no place for dead letters.
async fn declare_dead_letters(
    session: &mut Session,
    queue_deadline: Duration,
) -> Result<Refusals, SessionError> {
    let (exchanges, queues) = topology::dead_letters();
    for exchange in &exchanges {
        declare_exchange(session, exchange).await?;
    }
    let mut refusals = Vec::new();
    for queue in &queues {
        if let Err(why) = declare_queue(session, queue, queue_deadline).await {
            let refusal = refused(session, queue.name, why).await?;
            bind(session, queue).await?;
            refusals.push(refusal);
        }
    }
    Ok(Refusals(refusals))
}

/// Declares what carries status updates: for whoever publishes or reads them. Orders do not wait
/// for the stream: it can be out of order by itself.
pub(crate) async fn declare_notifications(session: &mut Session) -> Result<(), SessionError> {
    let (exchanges, queues) = topology::notifications();
    for exchange in &exchanges {
        declare_exchange(session, exchange).await?;
    }
    for queue in &queues {
        declare_queue(session, queue, CALL_DEADLINE).await?;
    }
    Ok(())
}

async fn declare_exchange(session: &mut Session, exchange: &Exchange) -> Result<(), SessionError> {
    let declaring = session.channel.exchange_declare(exchange.declaration());
    let declared = rpc(&format!("declaring exchange '{}'", exchange.name), declaring).await;
    declared.map_err(|why| session.explain(why))
}

async fn declare_queue(
    session: &mut Session,
    queue: &Queue,
    queue_deadline: Duration,
) -> Result<(), SessionError> {
    let declaring = session.channel.queue_declare(queue.declaration());
    let doing = format!("declaring queue '{}'", queue.name);
    let declared = rpc_within(queue_deadline, &doing, declaring).await;
    declared.map_err(|why| session.explain(why))?;
    bind(session, queue).await
}

async fn bind(session: &mut Session, queue: &Queue) -> Result<(), SessionError> {
    let (exchange, key) = &queue.binding;
    let binding = session.channel.queue_bind(QueueBindArguments::new(queue.name, exchange, key));
    let bound = rpc(&format!("binding queue '{}'", queue.name), binding).await;
    bound.map_err(|why| session.explain(why))
}

/// Goes on after a refusal, or beside a channel that waits for a queue that hangs: it is left to
/// itself until the session ends. Any other failure is the session's.
async fn refused(
    session: &mut Session,
    name: &'static str,
    why: SessionError,
) -> Result<Refusal, SessionError> {
    if !matches!(why, SessionError::ChannelClosed { .. } | SessionError::Timeout { .. }) {
        return Err(why);
    }
    session.reopen_channel().await?;
    Ok(Refusal { name, why: why.to_string(), is_there: true })
}

/// Whether there is such a queue, in whatever state.
async fn is_there(session: &mut Session, queue: &Queue) -> Result<bool, SessionError> {
    let passive = QueueDeclareArguments::new(queue.name).passive(true).finish();
    let doing = format!("looking for queue '{}'", queue.name);
    let looked = rpc(&doing, session.channel.queue_declare(passive)).await;
    match looked.map_err(|why| session.explain(why)) {
        Ok(_) => Ok(true),
        Err(SessionError::ChannelClosed { reason, .. }) => {
            session.reopen_channel().await?;
            Ok(!is_not_found(&reason))
        }
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &'static str, is_there: bool) -> Refusal {
        Refusal { name, why: String::new(), is_there }
    }

    #[test]
    fn a_queues_trouble_concerns_its_type() {
        let takeout = topology::kitchen_queue(OrderType::Takeout);
        let concerned = |refusals: &[Refusal]| {
            let refusals = Refusals(refusals.to_vec());
            OrderType::ALL.into_iter().filter(|of| refusals.of_type(*of).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(concerned(&[refusal(takeout, true)]), [OrderType::Takeout]);
        // The safety net takes what has no queue.
        assert_eq!(concerned(&[refusal(takeout, false)]), []);
        for net in [topology::SAFETY_NET_QUEUE, topology::UNROUTED_EXCHANGE] {
            assert_eq!(concerned(&[refusal(net, true)]), []);
            assert_eq!(concerned(&[refusal(takeout, false), refusal(net, true)]), [OrderType::Takeout]);
        }
        for letters in [topology::DEAD_LETTER_QUEUE, topology::DEAD_LETTER_EXCHANGE, topology::PROBE_EXCHANGE]
        {
            assert_eq!(concerned(&[refusal(letters, true)]), []);
        }
    }
}
