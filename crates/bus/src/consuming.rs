//! Consuming: never more unacknowledged messages than the prefetch, over all queues.
//!
//! RabbitMQ limits each consumer alone. [`prefetch`] keeps the limit over several queues.

mod ack_tracker;
mod leased_delivery;
mod prefetch;
mod source;

use std::sync::Arc;
use std::time::Duration;

use config::{MessageKind, Rabbitmq};
use logging::{Log, action};
use runtime::{FailedAttempt, Shutdown};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use self::ack_tracker::AckTracker;
use self::leased_delivery::{Held, Permit, Settlement, Settlements};
pub use self::leased_delivery::{Leased, LeasedDelivery};
use self::prefetch::Prefetch;
pub(crate) use self::source::Source;
use crate::declaration::{AnswerTimeout, Refusals, RepeatedFailure};
use crate::delivery::Delivery;
use crate::link_state::LinkState;
use crate::reconnect::{Link, Served, maintain};
use crate::session::{Event, Session, SessionError};
use crate::trust;

/// The messages that are received from a source.
#[derive(Debug)]
pub(crate) struct Intake {
    deliveries: mpsc::Receiver<LeasedDelivery>,
    stop: Shutdown,
    done: Shutdown,
    link: LinkState,
    task: JoinHandle<()>,
}

impl Intake {
    /// Starts consuming with at most `prefetch` unacknowledged messages. Reconnects until it is
    /// closed. RabbitMQ lists the connection under `name`.
    pub(crate) fn start(settings: Rabbitmq, name: &str, source: Source, prefetch: u16, log: Log) -> Self {
        let (forward, deliveries) = mpsc::channel(usize::from(prefetch.max(1)));
        let (stop, done, link) = (Shutdown::new(), Shutdown::new(), LinkState::default());
        let permits = Arc::new(Semaphore::new(usize::from(prefetch)));
        let owner = Owner {
            settings,
            name: name.to_owned(),
            source,
            prefetch,
            permits,
            forward,
            stop: stop.clone(),
            done: done.clone(),
            link: link.clone(),
            answer_timeout: AnswerTimeout::Long,
            log,
        };
        Self { deliveries, stop, done, link, task: tokio::spawn(owner.run()) }
    }

    /// Whether messages can come in at the moment.
    pub(crate) fn link(&self) -> LinkState {
        self.link.clone()
    }

    /// Waits for the next message. `None` after [`stop`](Self::stop), once all received messages
    /// were returned.
    pub(crate) async fn next(&mut self) -> Option<LeasedDelivery> {
        self.deliveries.recv().await
    }

    /// Stops consuming. Leased deliveries can still be settled.
    pub(crate) fn stop(&self) {
        self.stop.begin();
    }

    /// Sends the settlements made so far and ends the session. RabbitMQ requeues everything else.
    pub(crate) async fn close(self) {
        self.stop.begin();
        self.done.begin();
        // A panic of the task is in the log.
        let _ = self.task.await;
    }
}

/// The pause between two attempts to declare a queue that cannot be consumed.
const DECLARE_INTERVAL: Duration = Duration::from_secs(3);

/// An open session and what it can consume.
struct Opened {
    session: Session,
    queues: Vec<&'static str>,
    /// The queues that cannot be consumed.
    refused: Vec<&'static str>,
    /// The exchange for dead letters is usable, so RabbitMQ can dead-letter a message.
    can_dead_letter: bool,
}

struct Owner {
    settings: Rabbitmq,
    name: String,
    source: Source,
    prefetch: u16,
    permits: Arc<Semaphore>,
    forward: mpsc::Sender<LeasedDelivery>,
    stop: Shutdown,
    done: Shutdown,
    link: LinkState,
    /// For the next connection.
    answer_timeout: AnswerTimeout,
    log: Log,
}

impl Link for Owner {
    type Opened = Opened;

    const FAILED: &'static str = "No connection to RabbitMQ for consuming; trying again";
    const AT_ONCE: bool = false;

    async fn connect(&mut self) -> Option<Result<Opened, SessionError>> {
        let started = Instant::now();
        let opened = self.done.or(self.open()).await?;
        match &opened {
            Ok(opened) => {
                self.answer_timeout = AnswerTimeout::Short;
                let queues = opened.queues.join(", ");
                self.log
                    .info(action::RABBITMQ_CONNECTED, format!("Connected to RabbitMQ queues {queues}"))
                    .took(started.elapsed())
                    .emit();
            }
            Err(why) => self.answer_timeout = self.answer_timeout.after(why),
        }
        Some(opened)
    }

    async fn serve(&mut self, opened: Opened) -> Served {
        let _up = self.link.up();
        Served { end: self.take_messages(opened).await, worked: false }
    }

    async fn rest(&mut self, pause: Duration) -> Option<()> {
        self.done.or(sleep(pause)).await
    }
}

impl Owner {
    async fn run(mut self) {
        let log = self.log.clone();
        maintain(&mut self, &log).await;
    }

    /// Consumes what it can. Declares the rest again later.
    async fn open(&self) -> Result<Opened, SessionError> {
        let mut session = Session::open(&self.settings, &self.name).await?;
        let refusals = match self.prepare(&mut session).await {
            Ok(refusals) => refusals,
            Err(why) => {
                session.close().await;
                return Err(why);
            }
        };
        let (refused, queues): (Vec<_>, Vec<_>) =
            self.source.queues().iter().copied().partition(|queue| refusals.of(queue).is_some());
        if let ([], [first, ..]) = (queues.as_slice(), refused.as_slice()) {
            let why = refusals.of(first).map(|refusal| refusal.why.clone()).unwrap_or_default();
            session.close().await;
            return Err(SessionError::AllRefused(why));
        }
        for refusal in refused.iter().filter_map(|queue| refusals.of(queue)) {
            let message = format!("No orders can be taken from '{}'; trying again", refusal.name);
            let line = self.log.error(action::RABBITMQ_DECLARATION_FAILED, message, refusal);
            FailedAttempt { number: 1, retry_in: Some(DECLARE_INTERVAL) }.describe(line).emit();
        }
        let can_dead_letter = refusals.keep_dead_letters();
        Ok(Opened { session, queues, refused, can_dead_letter })
    }

    /// Declares what consuming needs, and learns who sends the copies of messages.
    async fn prepare(&self, session: &mut Session) -> Result<Refusals, SessionError> {
        let refusals = self.source.declare(session, self.answer_timeout).await?;
        if let Some(exchange) = self.source.copies_through() {
            session.learn_user(exchange).await?;
            self.say_if_untrusted(session);
        }
        Ok(refusals)
    }

    /// The copies would be refused, and nobody would see why their requests become dead letters.
    fn say_if_untrusted(&self, session: &Session) {
        let publishers = &self.settings.publishers;
        if let Err(why) = trust::check(publishers, MessageKind::Requests, session.user()) {
            let message = "Requests that this service moves are refused: let rabbitmq.publishers name its user, the same at every service";
            self.log.error(action::PUBLISHER_UNTRUSTED, message, &why).emit();
        }
    }

    async fn take_messages(&self, opened: Opened) -> Result<(), SessionError> {
        let Opened { mut session, queues, refused, can_dead_letter } = opened;
        let result = tokio::select! {
            result = self.consume(&mut session, &queues, can_dead_letter) => result,
            queue = self.until_consumable(&refused) => Err(SessionError::QueueRecovered(queue)),
        };
        let result = result.map_err(|why| session.explain(why));
        session.close().await;
        result
    }

    /// Waits until one of these queues can be consumed.
    async fn until_consumable(&self, refused: &[&'static str]) -> &'static str {
        if refused.is_empty() {
            return std::future::pending().await;
        }
        let mut failed = RepeatedFailure::default();
        loop {
            sleep(DECLARE_INTERVAL).await;
            match self.declare_again().await {
                Ok(refusals) => {
                    failed.clear();
                    if let Some(queue) = refused.iter().find(|queue| refusals.of(queue).is_none()) {
                        return queue;
                    }
                }
                Err(why) => {
                    let message =
                        format!("'{}' could not be declared again; trying again", refused.join("', '"));
                    failed.log_once(&self.log, &message, &why, DECLARE_INTERVAL);
                }
            }
        }
    }

    /// Uses a connection of its own, because a refusal would close the consuming channel.
    async fn declare_again(&self) -> Result<Refusals, SessionError> {
        let mut session = Session::open(&self.settings, &self.name).await?;
        let declared = self.source.declare(&mut session, AnswerTimeout::Long).await;
        session.close().await;
        declared
    }

    async fn consume(
        &self,
        session: &mut Session,
        queues: &[&'static str],
        can_dead_letter: bool,
    ) -> Result<(), SessionError> {
        let (settlements, mut incoming) = mpsc::unbounded_channel();
        let settlements = Settlements { sender: settlements, can_dead_letter };
        let mut tracker = AckTracker::new(session, self.source.settles_in_transactions()).await?;
        let (permits, sequence) = (Arc::clone(&self.permits), self.source.sequence());
        let mut prefetch = Prefetch::new(session, queues, permits, self.prefetch, sequence).await?;
        loop {
            tokio::select! {
                biased;
                event = session.events.recv() => match event {
                    Some(Event::Closed(reason)) => return Err(SessionError::Lost(reason)),
                    Some(Event::ConsumerCancelled) => {
                        return Err(SessionError::Lost("a queue was deleted".to_owned()));
                    }
                    Some(_) => {}
                    None => return Err(SessionError::Lost("its tasks ended".to_owned())),
                },
                Some(first) = incoming.recv() => {
                    tracker.settle(session, with_waiting(first, &mut incoming)).await?;
                }
                () = self.done.begun() => {
                    while let Ok(first) = incoming.try_recv() {
                        tracker.settle(session, with_waiting(first, &mut incoming)).await?;
                    }
                    return Ok(());
                }
                () = self.stop.begun(), if prefetch.are_consuming() => {
                    let deliveries = prefetch.cancel(session).await?;
                    let requeued = deliveries.iter().map(|each| Settlement::requeued(each.tag));
                    tracker.settle(session, requeued.collect()).await?;
                }
                () = prefetch.due(), if !self.stop.has_begun() => {
                    let brought = prefetch.adjust(session).await?;
                    tracker.settle(session, self.hand_over(brought, &settlements).await).await?;
                }
                first = prefetch.next(), if prefetch.are_consuming() => {
                    let Some(first) = first else {
                        return Err(SessionError::Lost("the broker ended the consumers".to_owned()));
                    };
                    let arrived = prefetch.arrived(session, first).await?;
                    tracker.settle(session, self.hand_over(arrived, &settlements).await).await?;
                }
            }
        }
    }

    /// Passes on deliveries that have a permit. Returns requeues for the others.
    async fn hand_over(
        &self,
        deliveries: Vec<(Delivery, Option<Permit>)>,
        settlements: &Settlements,
    ) -> Vec<Settlement> {
        let mut requeued = Vec::new();
        for (delivery, permit) in deliveries {
            match permit {
                Some(permit) if !self.stop.has_begun() => {
                    let (settlements, held) = (settlements.clone(), Held::one());
                    let leased = LeasedDelivery { delivery, settlements, permit, _held: held };
                    // A stopping service takes no more messages. RabbitMQ requeues this one.
                    let _ = self.forward.send(leased).await;
                }
                _ => requeued.push(Settlement::requeued(delivery.tag)),
            }
        }
        requeued
    }
}

/// All settlements that are waiting.
fn with_waiting(first: Settlement, incoming: &mut mpsc::UnboundedReceiver<Settlement>) -> Vec<Settlement> {
    std::iter::once(first).chain(std::iter::from_fn(|| incoming.try_recv().ok())).collect()
}
