//! Declares the topology part by part. A part that cannot be declared affects only those who need
//! it.
//!
//! A refusal closes the channel, so the next part gets a new one. When one queue hangs, the others
//! are declared concurrently, each on its own channel. So all hanging queues take one deadline
//! together. The caller decides what a refusal means: an order service goes on with the types whose
//! queues it has, a worker with the queues that it can consume.

use std::time::Duration;

use amqprs::channel::{QueueBindArguments, QueueDeclareArguments};
use deadlines::broker::SHORT_DEADLINE;
use domain::OrderType;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, TryStreamExt as _};
use logging::{Log, action};
use runtime::{FailedAttempt, with_causes};
use tokio::time::timeout;

use crate::refusal::is_not_found;
use crate::session::{CALL_DEADLINE, Session, SessionError, SideChannel, rpc, rpc_within};
use crate::topology::{self, EventStream, Exchange, Queue};

/// How long a queue is awaited before the next one is declared concurrently.
const SLOW_AFTER: Duration = Duration::from_millis(200);

/// How long the next connection waits for a queue's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerTimeout {
    /// For the first connection: the queues may have to be created, or the broker is slow.
    Long,
    /// For the connection after a session: the queues existed a moment ago, and publishers wait.
    Short,
}

impl AnswerTimeout {
    /// For the attempt after a failed one. If no queue answered in time, the broker may be slow.
    pub(crate) fn after(self, why: &SessionError) -> Self {
        if matches!(why, SessionError::AllRefused(_)) { Self::Long } else { self }
    }

    fn deadline(self) -> Duration {
        match self {
            Self::Long => CALL_DEADLINE,
            Self::Short => SHORT_DEADLINE,
        }
    }
}

/// The parts of the topology that cannot be used, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals(Vec<Refusal>);

/// An exchange or a queue that cannot be used as this version declares it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    /// RabbitMQ's reason, and what to do.
    pub(crate) why: String,
    /// It exists, with other settings or out of reach. Messages published to it stay in it.
    is_there: bool,
}

impl Refusals {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }

    pub(crate) fn of(&self, name: &str) -> Option<&Refusal> {
        self.0.iter().find(|refusal| refusal.name == name)
    }

    /// Whether a queue keeps what RabbitMQ dead-letters.
    pub(crate) fn keep_dead_letters(&self) -> bool {
        self.of(topology::DEAD_LETTER_EXCHANGE).is_none()
            && self.of(topology::DEAD_LETTER_QUEUE).is_none_or(|refusal| refusal.is_there)
    }

    /// Why orders of a type cannot be sent: their queue exists and cannot be used, or both it and
    /// the safety net are missing.
    pub(crate) fn of_type(&self, order_type: OrderType) -> Option<&Refusal> {
        let refusal = self.of(topology::kitchen_queue(order_type))?;
        if refusal.is_there {
            return Some(refusal);
        }
        let net = [topology::UNROUTED_EXCHANGE, topology::SAFETY_NET_QUEUE];
        net.into_iter().any(|name| self.of(name).is_some()).then_some(refusal)
    }
}

/// Failures of attempts that follow each other every few seconds. Most repeat the last reason, so
/// a reason is logged only when it is new.
#[derive(Debug, Default)]
pub(crate) struct RepeatedFailure {
    attempts: u32,
    logged: Option<String>,
}

impl RepeatedFailure {
    /// Counts a failed attempt. Logs why it failed, unless the attempt before failed for the same
    /// reason. The next attempt follows after `pause`.
    pub(crate) fn log_once(&mut self, log: &Log, message: &str, why: &SessionError, pause: Duration) {
        self.attempts = self.attempts.saturating_add(1);
        let reason = Some(with_causes(why));
        if self.logged != reason {
            let failed = FailedAttempt { number: self.attempts, retry_in: Some(pause) };
            failed.describe(log.error(action::RABBITMQ_DECLARATION_FAILED, message, why)).emit();
            self.logged = reason;
        }
    }

    /// Call it after a successful attempt.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Declares what orders need. Services that place or cook orders call it, so that an order placed
/// before the first worker ever ran waits for it. It also declares where dead letters go, which
/// placing orders does not depend on.
///
/// # Errors
/// The session failed, or the exchange for orders cannot be used. A queue that does not answer in
/// time is a refusal.
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
    let orders = queues.iter().map(|queue| declare_on_side_channel(session, queue, deadline).boxed());
    refusals.extend(concurrently(orders.chain([letters.boxed()])).await?);
    let refusals = Refusals(refusals);
    match OrderType::ALL.map(|order_type| refusals.of_type(order_type)) {
        // No order can be sent. Treat it like a missing connection.
        [Some(first), Some(_), Some(_)] => Err(SessionError::AllRefused(first.why.clone())),
        _ => Ok(refusals),
    }
}

/// Runs declarations in this order, because a vhost's queue limit may not allow all. From the first
/// slow one on, they run concurrently.
async fn concurrently<'a>(
    declarations: impl Iterator<Item = BoxFuture<'a, Result<Option<Refusal>, SessionError>>>,
) -> Result<Vec<Refusal>, SessionError> {
    let (mut refusals, mut declaring, mut one_hangs) = (Vec::new(), FuturesUnordered::new(), false);
    for declaration in declarations {
        declaring.push(declaration);
        if !one_hangs {
            match timeout(SLOW_AFTER, declaring.try_next()).await {
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

/// Declares where dead letters go, if that is possible.
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

/// A queue with other settings keeps dead letters too.
async fn declare_queue_of_dead_letters(
    session: &Session,
    deadline: Duration,
) -> Result<Option<Refusal>, SessionError> {
    let (_, queue) = topology::dead_letters();
    let Some(refusal) = declare_on_side_channel(session, &queue, deadline).await? else { return Ok(None) };
    let mut side = session.side_channel().await?;
    match bind(&mut side, &queue, deadline).await {
        Ok(()) => Ok(Some(refusal)),
        Err(why) => refusal_of(topology::DEAD_LETTER_EXCHANGE, why).map(Some),
    }
}

/// Declares what requests need: their queue, and where dead letters go.
///
/// # Errors
/// The session failed.
pub(crate) async fn declare_requests(
    session: &mut Session,
    answer_timeout: AnswerTimeout,
) -> Result<Refusals, SessionError> {
    let mut refusals = declare_place_for_dead_letters(session, answer_timeout).await?;
    let refusal = declare_on_side_channel(session, &topology::requests(), answer_timeout.deadline()).await?;
    refusals.0.extend(refusal);
    Ok(refusals)
}

/// Declares what status updates need.
pub(crate) async fn declare_notifications(session: &mut Session) -> Result<(), SessionError> {
    declare_stream(session, topology::notifications()).await
}

/// Declares what the events of this stream need.
pub(crate) async fn declare_events(session: &mut Session, of: EventStream) -> Result<(), SessionError> {
    declare_stream(session, topology::events(of)).await
}

/// Declares a stream and its exchange. Orders do not wait for a stream, which can fail alone.
async fn declare_stream(
    session: &mut Session,
    (exchanges, queues): (Vec<Exchange>, Vec<Queue>),
) -> Result<(), SessionError> {
    for exchange in &exchanges {
        declare_exchange(session, exchange).await?;
    }
    for queue in &queues {
        let mut side = session.side_channel().await?;
        declare_queue(&mut side, queue, AnswerTimeout::Long.deadline()).await?;
    }
    Ok(())
}

async fn declare_exchange(session: &mut Session, exchange: &Exchange) -> Result<(), SessionError> {
    let declaring = session.channel.exchange_declare(exchange.declaration());
    let declared = rpc(&format!("declaring exchange '{}'", exchange.name), declaring).await;
    declared.map_err(|why| session.explain(why))
}

/// Declares a queue on a channel of its own. Returns why it cannot be used, if so.
async fn declare_on_side_channel(
    session: &Session,
    queue: &Queue,
    deadline: Duration,
) -> Result<Option<Refusal>, SessionError> {
    let mut side = session.side_channel().await?;
    let Err(why) = declare_queue(&mut side, queue, deadline).await else { return Ok(None) };
    let hangs = matches!(why, SessionError::Timeout { .. });
    let refusal = refusal_of(queue.name, why)?;
    let is_there = hangs || is_there(session, queue, deadline).await?;
    Ok(Some(Refusal { is_there, ..refusal }))
}

async fn declare_queue(
    side: &mut SideChannel,
    queue: &Queue,
    deadline: Duration,
) -> Result<(), SessionError> {
    let declaring = side.channel.queue_declare(queue.declaration(side.queue_type));
    let declared = rpc_within(deadline, &format!("declaring queue '{}'", queue.name), declaring).await;
    declared.map_err(|why| side.explain(why))?;
    bind(side, queue, deadline).await
}

async fn bind(side: &mut SideChannel, queue: &Queue, deadline: Duration) -> Result<(), SessionError> {
    let Some((exchange, key)) = &queue.binding else { return Ok(()) };
    let binding = side.channel.queue_bind(QueueBindArguments::new(queue.name, exchange, key));
    let bound = rpc_within(deadline, &format!("binding queue '{}'", queue.name), binding).await;
    bound.map_err(|why| side.explain(why))
}

/// Replaces the session's channel after a refusal.
async fn refused(
    session: &mut Session,
    name: &'static str,
    why: SessionError,
) -> Result<Refusal, SessionError> {
    let refusal = refusal_of(name, why)?;
    session.reopen_channel().await?;
    Ok(refusal)
}

/// Makes a refusal of a closed channel or a timeout. Any other error ends the session.
fn refusal_of(name: &'static str, why: SessionError) -> Result<Refusal, SessionError> {
    match why {
        SessionError::ChannelClosed { .. } | SessionError::Timeout { .. } => {
            Ok(Refusal { name, why: why.to_string(), is_there: true })
        }
        why => Err(why),
    }
}

/// Whether such a queue exists, in whatever state.
async fn is_there(session: &Session, queue: &Queue, deadline: Duration) -> Result<bool, SessionError> {
    let mut side = session.side_channel().await?;
    let passive = QueueDeclareArguments::new(queue.name).passive(true).finish();
    let looking = side.channel.queue_declare(passive);
    let looked = rpc_within(deadline, &format!("looking for queue '{}'", queue.name), looking).await;
    match looked.map_err(|why| side.explain(why)) {
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
                    sleep(SHORT_DEADLINE).await;
                    Ok(Some(refusal(name, true)))
                }
                .boxed()
            });
            let mut hung: Vec<_> =
                concurrently(declarations).await.unwrap().iter().map(|refusal| refusal.name).collect();
            hung.sort_unstable();
            assert_eq!((order.into_inner().unwrap(), hung), (names.to_vec(), hanging.to_vec()));
            assert!(start.elapsed() <= SLOW_AFTER + SHORT_DEADLINE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_fails_ends_all_declarations() {
        let lost = || async { Err(SessionError::Lost("gone".to_owned())) }.boxed();
        let hangs = || std::future::pending().boxed();
        for declarations in [vec![lost(), hangs()], vec![hangs(), lost()], vec![hangs(), hangs(), lost()]] {
            let ended = timeout(CALL_DEADLINE, concurrently(declarations.into_iter())).await.unwrap();
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
        // The safety net takes orders without a queue.
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
