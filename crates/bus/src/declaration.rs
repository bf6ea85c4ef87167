//! Declaring the topology, part by part: what cannot be had concerns only those who need it.
//!
//! A refusal closes the channel, so that the next part gets a new one. Queues are declared side by
//! side if one hangs, each on a channel of its own: all that hang take one deadline together, not
//! one each. What a part's refusal means is its owner's to say: an order service goes on with the
//! types whose queues it has, a worker with the queues that it can consume.

use std::time::Duration;

use amqprs::channel::{QueueBindArguments, QueueDeclareArguments};
use deadlines::broker::BRIEF_DEADLINE;
use domain::OrderType;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, TryStreamExt as _};
use logging::{Log, action};
use runtime::with_causes;
use tokio::time::timeout;

use crate::refusal::is_not_found;
use crate::session::{CALL_DEADLINE, Session, SessionError, SideChannel, rpc, rpc_within};
use crate::topology::{self, Exchange, Queue};

/// How long a queue is waited for before the next one is declared beside it.
const HEAD_START: Duration = Duration::from_millis(200);

/// How patient the next connection is with queues that do not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerTimeout {
    /// For the first connection: the queues may have to be made, or the broker is slow.
    Long,
    /// For the connection after a session: the queues were there a moment ago, and others wait.
    Brief,
}

impl AnswerTimeout {
    /// For the attempt after one that failed. Where no queue at all answered in time, the broker
    /// may be slow.
    pub(crate) fn after(self, why: &SessionError) -> Self {
        if matches!(why, SessionError::AllRefused(_)) { Self::Long } else { self }
    }

    fn deadline(self) -> Duration {
        match self {
            Self::Long => CALL_DEADLINE,
            Self::Brief => BRIEF_DEADLINE,
        }
    }
}

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
            log.error(action::RABBITMQ_DECLARATION_FAILED, message, why).emit();
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
/// does not answer in time is a refusal.
pub(crate) async fn declare_kitchen(
    session: &mut Session,
    answer_timeout: AnswerTimeout,
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
    let no_exchange = declare_exchange_of_dead_letters(session).await?;
    let keeps_letters = no_exchange.is_none();
    refusals.extend(no_exchange);
    let deadline = answer_timeout.deadline();
    let letters = async {
        if keeps_letters { declare_queue_of_dead_letters(session, deadline).await } else { Ok(None) }
    };
    let orders = queues.iter().map(|queue| declare_beside(session, queue, deadline).boxed());
    refusals.extend(side_by_side(orders.chain([letters.boxed()])).await?);
    let refusals = Refusals(refusals);
    match OrderType::ALL.map(|order_type| refusals.of_type(order_type)) {
        // Nothing can be sent: that is as good as no connection.
        [Some(first), Some(_), Some(_)] => Err(SessionError::AllRefused(first.why.clone())),
        _ => Ok(refusals),
    }
}

/// Carries out declarations in this order, for a vhost may not have room for all; but the first one
/// that does not answer soon is waited for beside all that come after it.
async fn side_by_side<'a>(
    declarations: impl Iterator<Item = BoxFuture<'a, Result<Option<Refusal>, SessionError>>>,
) -> Result<Vec<Refusal>, SessionError> {
    let (mut refusals, mut declaring, mut one_hangs) = (Vec::new(), FuturesUnordered::new(), false);
    for declaration in declarations {
        declaring.push(declaration);
        if !one_hangs {
            match timeout(HEAD_START, declaring.try_next()).await {
                Ok(declared) => refusals.extend(declared?.flatten()),
                Err(_) => one_hangs = true,
            }
        }
    }
    while let Some(declared) = declaring.try_next().await? {
        refusals.extend(declared);
    }
    Ok(refusals)
}

/// Declares where dead letters go, if they can go anywhere.
///
/// # Errors
/// The session failed.
pub(crate) async fn declare_place_for_dead_letters(
    session: &mut Session,
    answer_timeout: AnswerTimeout,
) -> Result<Refusals, SessionError> {
    let refusal = match declare_exchange_of_dead_letters(session).await? {
        None => declare_queue_of_dead_letters(session, answer_timeout.deadline()).await?,
        refusal => refusal,
    };
    Ok(Refusals(refusal.into_iter().collect()))
}

async fn declare_exchange_of_dead_letters(session: &mut Session) -> Result<Option<Refusal>, SessionError> {
    let (exchange, _) = topology::dead_letters();
    match declare_exchange(session, &exchange).await {
        Ok(()) => Ok(None),
        Err(why) => refused(session, exchange.name, why).await.map(Some),
    }
}

/// A queue that is there with other settings keeps them as well.
async fn declare_queue_of_dead_letters(
    session: &Session,
    deadline: Duration,
) -> Result<Option<Refusal>, SessionError> {
    let (_, queue) = topology::dead_letters();
    let Some(refusal) = declare_beside(session, &queue, deadline).await? else { return Ok(None) };
    let mut beside = session.side_channel().await?;
    match bind(&mut beside, &queue, deadline).await {
        Ok(()) => Ok(Some(refusal)),
        Err(why) => refusal_of(topology::DEAD_LETTER_EXCHANGE, why).map(Some),
    }
}

/// Declares what carries status updates: for whoever publishes or reads them. Orders do not wait
/// for the stream: it can be out of order by itself.
pub(crate) async fn declare_notifications(session: &mut Session) -> Result<(), SessionError> {
    let (exchanges, queues) = topology::notifications();
    for exchange in &exchanges {
        declare_exchange(session, exchange).await?;
    }
    for queue in &queues {
        let mut beside = session.side_channel().await?;
        declare_queue(&mut beside, queue, AnswerTimeout::Long.deadline()).await?;
    }
    Ok(())
}

async fn declare_exchange(session: &mut Session, exchange: &Exchange) -> Result<(), SessionError> {
    let declaring = session.channel.exchange_declare(exchange.declaration());
    let declared = rpc(&format!("declaring exchange '{}'", exchange.name), declaring).await;
    declared.map_err(|why| session.explain(why))
}

/// Declares a queue on a channel of its own, and says why it cannot be used if it cannot.
async fn declare_beside(
    session: &Session,
    queue: &Queue,
    deadline: Duration,
) -> Result<Option<Refusal>, SessionError> {
    let mut beside = session.side_channel().await?;
    let Err(why) = declare_queue(&mut beside, queue, deadline).await else { return Ok(None) };
    let hangs = matches!(why, SessionError::Timeout { .. });
    let refusal = refusal_of(queue.name, why)?;
    let is_there = hangs || is_there(session, queue, deadline).await?;
    Ok(Some(Refusal { is_there, ..refusal }))
}

async fn declare_queue(
    beside: &mut SideChannel,
    queue: &Queue,
    deadline: Duration,
) -> Result<(), SessionError> {
    let declaring = beside.channel.queue_declare(queue.declaration());
    let declared = rpc_within(deadline, &format!("declaring queue '{}'", queue.name), declaring).await;
    declared.map_err(|why| beside.explain(why))?;
    bind(beside, queue, deadline).await
}

async fn bind(beside: &mut SideChannel, queue: &Queue, deadline: Duration) -> Result<(), SessionError> {
    let (exchange, key) = &queue.binding;
    let binding = beside.channel.queue_bind(QueueBindArguments::new(queue.name, exchange, key));
    let bound = rpc_within(deadline, &format!("binding queue '{}'", queue.name), binding).await;
    bound.map_err(|why| beside.explain(why))
}

/// Goes on after a refusal of what was declared on the session's own channel.
async fn refused(
    session: &mut Session,
    name: &'static str,
    why: SessionError,
) -> Result<Refusal, SessionError> {
    let refusal = refusal_of(name, why)?;
    session.reopen_channel().await?;
    Ok(refusal)
}

/// What concerns only those who need it. Any other failure is the session's.
fn refusal_of(name: &'static str, why: SessionError) -> Result<Refusal, SessionError> {
    match why {
        SessionError::ChannelClosed { .. } | SessionError::Timeout { .. } => {
            Ok(Refusal { name, why: why.to_string(), is_there: true })
        }
        why => Err(why),
    }
}

/// Whether there is such a queue, in whatever state.
async fn is_there(session: &Session, queue: &Queue, deadline: Duration) -> Result<bool, SessionError> {
    let mut beside = session.side_channel().await?;
    let passive = QueueDeclareArguments::new(queue.name).passive(true).finish();
    let looking = beside.channel.queue_declare(passive);
    let looked = rpc_within(deadline, &format!("looking for queue '{}'", queue.name), looking).await;
    match looked.map_err(|why| beside.explain(why)) {
        Ok(_) | Err(SessionError::Timeout { .. }) => Ok(true),
        Err(SessionError::ChannelClosed { reason, .. }) => Ok(!is_not_found(&reason)),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::sync::Mutex;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn declarations_begin_in_their_order_and_those_that_hang_take_one_deadline_together() {
        let names = ["a", "b", "c", "d", "e"];
        for hanging in [&[][..], &["c"], &["b", "d", "e"], &names] {
            let (order, start) = (Mutex::default(), Instant::now());
            let declarations = names.into_iter().map(|name| {
                let order: &Mutex<Vec<_>> = &order;
                async move {
                    order.lock().unwrap().push(name);
                    if !hanging.contains(&name) {
                        return Ok(None);
                    }
                    sleep(BRIEF_DEADLINE).await;
                    Ok(Some(refusal(name, true)))
                }
                .boxed()
            });
            let mut hung: Vec<_> =
                side_by_side(declarations).await.unwrap().iter().map(|refusal| refusal.name).collect();
            hung.sort_unstable();
            assert_eq!((order.into_inner().unwrap(), hung), (names.to_vec(), hanging.to_vec()));
            assert!(start.elapsed() <= HEAD_START + BRIEF_DEADLINE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_fails_ends_all_declarations() {
        let lost = || async { Err(SessionError::Lost("gone".to_owned())) }.boxed();
        let hangs = || std::future::pending().boxed();
        for declarations in [vec![lost(), hangs()], vec![hangs(), lost()], vec![hangs(), hangs(), lost()]] {
            let ended = timeout(CALL_DEADLINE, side_by_side(declarations.into_iter())).await.unwrap();
            assert!(matches!(ended, Err(SessionError::Lost(_))), "{ended:?}");
        }
    }

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
