//! Orders on their way into a kitchen worker: never more than it has places for, over all
//! its queues together.
//!
//! The broker limits each consumer by itself; a limit over several queues is ours to keep: with few
//! places in rounds, with many in shares.

mod consumer;
mod held;
mod rounds;
mod settled;
mod shares;

use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use config::Rabbitmq;
use logging::{Log, action};
use runtime::Shutdown;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use self::held::Held;
use self::held::{Place, Settlement, Settlements};
use self::rounds::Rounds;
use self::settled::Settled;
use self::shares::Shares;
use crate::declaration::{self, FailedAttempt, Patience, Refusals};
use crate::delivery::Delivery;
use crate::reconnect::{Link, Served, maintain};
use crate::session::{Event, Session, SessionError};

/// The orders that come in.
#[derive(Debug)]
pub struct OrderIntake {
    deliveries: mpsc::Receiver<Held>,
    stop: Shutdown,
    done: Shutdown,
    task: JoinHandle<()>,
}

impl OrderIntake {
    /// Starts consuming `queues` with `places` for unsettled messages;
    /// reconnects until it is closed. RabbitMQ lists the connection under `name`.
    pub fn start(settings: Rabbitmq, name: &str, queues: Vec<&'static str>, places: u16, log: Log) -> Self {
        let (forward, deliveries) = mpsc::channel(usize::from(places.max(1)));
        let (stop, done) = (Shutdown::new(), Shutdown::new());
        let semaphore = Arc::new(Semaphore::new(usize::from(places)));
        let owner = Owner {
            settings,
            name: name.to_owned(),
            queues,
            prefetch: places,
            places: semaphore,
            forward,
            stop: stop.clone(),
            done: done.clone(),
            patience: Patience::Long,
            log,
        };
        Self { deliveries, stop, done, task: tokio::spawn(owner.run()) }
    }

    /// The next order; `None` once consuming was stopped and everything that came
    /// before has been taken.
    pub async fn next(&mut self) -> Option<Held> {
        self.deliveries.recv().await
    }

    /// Stops consuming. What is held can still be settled.
    pub fn stop(&self) {
        self.stop.begin();
    }

    /// Carries out the settlements made so far, and ends the session; the broker takes
    /// back everything else.
    pub async fn close(self) {
        self.stop.begin();
        self.done.begin();
        // Its panic, if any, is in the log.
        let _ = self.task.await;
    }
}

/// Pause between two attempts at a queue that cannot be consumed.
const DECLARE_INTERVAL: Duration = Duration::from_secs(3);

/// A session, and what can be done in it.
struct Opened {
    session: Session,
    queues: Vec<&'static str>,
    /// Queues that cannot be consumed.
    refused: Vec<&'static str>,
    /// There is a place for what the broker is to dead-letter.
    buries: bool,
}

struct Owner {
    settings: Rabbitmq,
    name: String,
    queues: Vec<&'static str>,
    prefetch: u16,
    places: Arc<Semaphore>,
    forward: mpsc::Sender<Held>,
    stop: Shutdown,
    done: Shutdown,
    /// For the next connection.
    patience: Patience,
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
                self.patience = Patience::Brief;
                let queues = opened.queues.join(", ");
                self.log
                    .info(action::RABBITMQ_CONNECTED, format!("Connected to RabbitMQ queues {queues}"))
                    .took(started.elapsed())
                    .emit();
            }
            Err(why) => self.patience = self.patience.after(why),
        }
        Some(opened)
    }

    async fn serve(&mut self, opened: Opened) -> Served {
        Served { end: self.take_orders(opened).await, worked: false }
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

    /// What can be consumed is consumed; the rest is tried again.
    async fn open(&self) -> Result<Opened, SessionError> {
        let mut session = Session::open(&self.settings, &self.name).await?;
        let refusals = match declaration::declare_kitchen(&mut session, self.patience).await {
            Ok(refusals) => refusals,
            Err(why) => {
                session.close().await;
                return Err(why);
            }
        };
        let (refused, queues): (Vec<_>, Vec<_>) =
            self.queues.iter().copied().partition(|queue| refusals.of(queue).is_some());
        if let ([], [first, ..]) = (queues.as_slice(), refused.as_slice()) {
            let why = refusals.of(first).map(|refusal| refusal.why.clone()).unwrap_or_default();
            session.close().await;
            return Err(SessionError::Declined(why));
        }
        for refusal in refused.iter().filter_map(|queue| refusals.of(queue)) {
            let message = format!("No orders can be taken from '{}'; trying again", refusal.name);
            self.log.error(action::RABBITMQ_DECLARATION_FAILED, message, refusal).emit();
        }
        let buries = refusals.keep_dead_letters();
        Ok(Opened { session, queues, refused, buries })
    }

    async fn take_orders(&self, opened: Opened) -> Result<(), SessionError> {
        let Opened { mut session, queues, refused, buries } = opened;
        let result = tokio::select! {
            result = self.consume(&mut session, &queues, buries) => result,
            queue = self.can_be_had(&refused) => Err(SessionError::Mended(queue)),
        };
        let result = result.map_err(|why| session.explain(why));
        session.close().await;
        result
    }

    /// Waits until one of these queues can be consumed after all.
    async fn can_be_had(&self, refused: &[&'static str]) -> &'static str {
        if refused.is_empty() {
            return std::future::pending().await;
        }
        let mut failed = FailedAttempt::default();
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
                    failed.log_once(&self.log, &message, &why);
                }
            }
        }
    }

    /// On a connection of its own: a refusal on the one that consumes would disturb it.
    async fn declare_again(&self) -> Result<Refusals, SessionError> {
        let mut session = Session::open(&self.settings, &self.name).await?;
        let declared = declaration::declare_kitchen(&mut session, Patience::Long).await;
        session.close().await;
        declared
    }

    async fn consume(
        &self,
        session: &mut Session,
        queues: &[&'static str],
        buries: bool,
    ) -> Result<(), SessionError> {
        let (settlements, mut incoming) = mpsc::unbounded_channel();
        let settlements = Settlements { sender: settlements, buries };
        let mut settled = Settled::default();
        let mut consumers = self.consumers(session, queues).await?;
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
                    settled.tell(session, with_others(first, &mut incoming)).await?;
                }
                () = self.done.begun() => {
                    while let Ok(first) = incoming.try_recv() {
                        settled.tell(session, with_others(first, &mut incoming)).await?;
                    }
                    return Ok(());
                }
                () = self.stop.begun(), if consumers.are_consuming() => {
                    let strays = consumers.cancel(session).await?;
                    let strays = strays.iter().map(|stray| Settlement::stray(stray.tag)).collect();
                    settled.tell(session, strays).await?;
                }
                () = consumers.due(), if !self.stop.has_begun() => {
                    let brought = consumers.turn(session).await?;
                    settled.tell(session, self.hand_over(brought, &settlements).await).await?;
                }
                first = consumers.next(), if consumers.are_consuming() => {
                    let Some(first) = first else {
                        return Err(SessionError::Lost("the broker ended the consumers".to_owned()));
                    };
                    let arrived = consumers.arrived(session, first).await?;
                    settled.tell(session, self.hand_over(arrived, &settlements).await).await?;
                }
            }
        }
    }

    async fn consumers(&self, session: &Session, queues: &[&'static str]) -> Result<Consumers, SessionError> {
        let places = Arc::clone(&self.places);
        if usize::from(self.prefetch) >= shares::WORTHWHILE * queues.len() {
            return Ok(Consumers::Shares(Shares::new(queues, places, self.prefetch)));
        }
        Ok(Consumers::Rounds(Rounds::new(session, queues, places, self.prefetch).await?))
    }

    /// Hands over what has a place; what has none goes back.
    async fn hand_over(
        &self,
        deliveries: Vec<(Delivery, Option<Place>)>,
        settlements: &Settlements,
    ) -> Vec<Settlement> {
        let mut strays = Vec::new();
        for (delivery, place) in deliveries {
            match place {
                Some(place) if !self.stop.has_begun() => {
                    let held = Held { delivery, settlements: settlements.clone(), place };
                    // The kitchen takes no more when it is on its way out; the broker
                    // takes the order back.
                    let _ = self.forward.send(held).await;
                }
                _ => strays.push(Settlement::stray(delivery.tag)),
            }
        }
        strays
    }
}

/// All settlements that are there.
fn with_others(first: Settlement, incoming: &mut mpsc::UnboundedReceiver<Settlement>) -> Vec<Settlement> {
    std::iter::once(first).chain(std::iter::from_fn(|| incoming.try_recv().ok())).collect()
}

/// By which orders that arrive together take their turns: the highest priority first, and of the
/// same priority the older.
fn turn(delivery: &Delivery) -> (Reverse<u8>, u64, u64) {
    (Reverse(delivery.priority()), delivery.sent_at(), delivery.tag)
}

/// The way in which the worker consumes.
enum Consumers {
    Rounds(Rounds),
    Shares(Shares),
}

impl Consumers {
    fn are_consuming(&self) -> bool {
        match self {
            Self::Rounds(rounds) => rounds.are_consuming(),
            Self::Shares(shares) => shares.are_consuming(),
        }
    }

    /// Waits until consumers have to be started or moved.
    fn due(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self {
            Self::Rounds(rounds) => Box::pin(rounds.due()),
            Self::Shares(shares) => Box::pin(shares.due()),
        }
    }

    /// Starts and moves consumers. Returns what those that were ended still brought.
    async fn turn(&mut self, session: &Session) -> Result<Vec<(Delivery, Option<Place>)>, SessionError> {
        match self {
            Self::Rounds(rounds) => rounds.turn(session).await,
            Self::Shares(shares) => shares.look(session).await,
        }
    }

    /// The next message, and its place if that is certain; `None` if the broker ended a consumer.
    async fn next(&mut self) -> Option<(Delivery, Option<Place>)> {
        match self {
            Self::Rounds(rounds) => rounds.next().await.map(|delivery| (delivery, None)),
            Self::Shares(shares) => shares.next().await.map(|(delivery, place)| (delivery, Some(place))),
        }
    }

    /// Everything that has arrived with this one, in the order in which it shall be cooked, and the
    /// place of each if it has one.
    async fn arrived(
        &mut self,
        session: &Session,
        first: (Delivery, Option<Place>),
    ) -> Result<Vec<(Delivery, Option<Place>)>, SessionError> {
        match self {
            Self::Rounds(rounds) => rounds.arrived(session, first.0).await,
            Self::Shares(shares) => {
                let others = shares.arrived().into_iter().map(|(delivery, place)| (delivery, Some(place)));
                let mut arrived: Vec<_> = std::iter::once(first).chain(others).collect();
                arrived.sort_by_key(|(delivery, _)| turn(delivery));
                Ok(arrived)
            }
        }
    }

    /// Ends all consumers and returns what was still under way.
    async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        match self {
            Self::Rounds(rounds) => rounds.cancel(session).await,
            Self::Shares(shares) => shares.cancel(session).await,
        }
    }
}
