//! Orders on their way into a kitchen worker: never more than it has places for, over all its queues together.
//!
//! The broker limits each consumer by itself; a limit over several queues is ours to keep. While a place is free, every
//! queue has a consumer. When the last place is taken the consumers are cancelled, and what was under way meanwhile goes
//! back to the broker at once, where an idle worker finds it. Of what arrives together, the highest priority wins.

mod held;

use std::sync::Arc;

use amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicNackArguments, BasicQosArguments,
    ConsumerMessage,
};
use logging::Log;
use runtime::config::Rabbitmq;
use runtime::{Backoff, Shutdown};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::held::Held;
use self::held::Settlement;
use crate::delivery::Delivery;
use crate::session::{Event, Session, SessionError, rpc};
use crate::topology;

/// The orders that come in.
#[derive(Debug)]
pub struct OrderIntake {
    deliveries: mpsc::Receiver<Held>,
    stop: Shutdown,
    done: Shutdown,
    task: JoinHandle<()>,
}

impl OrderIntake {
    /// Starts consuming `queues` with `places` for unsettled messages; reconnects until it is closed.
    pub fn start(settings: Rabbitmq, queues: Vec<&'static str>, places: u16, log: Log) -> Self {
        let (forward, deliveries) = mpsc::channel(usize::from(places.max(1)));
        let (stop, done) = (Shutdown::new(), Shutdown::new());
        let semaphore = Arc::new(Semaphore::new(usize::from(places)));
        let owner = Owner {
            settings,
            queues,
            prefetch: places,
            places: semaphore,
            forward,
            stop: stop.clone(),
            done: done.clone(),
            log,
        };
        Self { deliveries, stop, done, task: tokio::spawn(owner.run()) }
    }

    /// The next order; `None` once consuming was stopped and everything that came before has been taken.
    pub async fn next(&mut self) -> Option<Held> {
        self.deliveries.recv().await
    }

    /// Stops consuming. What is held can still be settled.
    pub fn stop(&self) {
        self.stop.begin();
    }

    /// Carries out the settlements made so far, and ends the session; the broker takes back everything else.
    pub async fn close(self) {
        self.stop.begin();
        self.done.begin();
        // Its panic, if any, was reported by the panic hook.
        let _ = self.task.await;
    }
}

struct Owner {
    settings: Rabbitmq,
    queues: Vec<&'static str>,
    prefetch: u16,
    places: Arc<Semaphore>,
    forward: mpsc::Sender<Held>,
    stop: Shutdown,
    done: Shutdown,
    log: Log,
}

impl Owner {
    async fn run(self) {
        let mut backoff = Backoff::for_server();
        while !self.done.has_begun() {
            let started = Instant::now();
            let failure = match self.open().await {
                Ok(session) => {
                    let queues = self.queues.join(", ");
                    self.log
                        .info("rabbitmq_connected", format!("Connected to RabbitMQ queues {queues}"))
                        .took(started.elapsed())
                        .emit();
                    let opened = Instant::now();
                    let end = self.serve(session).await;
                    backoff.reset_if_lasted(opened.elapsed());
                    match end {
                        Ok(()) => return,
                        Err(why) => why,
                    }
                }
                Err(why) => why,
            };
            let pause = backoff.next_pause();
            self.log
                .error(
                    "rabbitmq_connection_failed",
                    "No connection to RabbitMQ for consuming; trying again",
                    &failure,
                )
                .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                .emit();
            self.done.or(tokio::time::sleep(pause)).await;
        }
    }

    async fn open(&self) -> Result<Session, SessionError> {
        let mut session = Session::open(&self.settings, "kitchen-worker: consumer").await?;
        let ready = async {
            topology::declare_all(&session.channel).await?;
            rpc(
                "setting the prefetch",
                session.channel.basic_qos(BasicQosArguments::new(0, self.prefetch, false)),
            )
            .await
        };
        match ready.await {
            Ok(()) => Ok(session),
            Err(why) => {
                let why = session.explain(why);
                session.close().await;
                Err(why)
            }
        }
    }

    async fn serve(&self, mut session: Session) -> Result<(), SessionError> {
        let result = self.consume(&mut session).await.map_err(|why| session.explain(why));
        session.close().await;
        result
    }

    async fn consume(&self, session: &mut Session) -> Result<(), SessionError> {
        let (settlements, mut settled) = mpsc::unbounded_channel();
        let mut consumers = Consumers::default();
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
                settlement = settled.recv() => {
                    if let Some(settlement) = settlement {
                        settle(session, settlement).await?;
                    }
                }
                () = self.done.begun() => {
                    while let Ok(settlement) = settled.try_recv() {
                        settle(session, settlement).await?;
                    }
                    return Ok(());
                }
                () = self.stop.begun(), if consumers.are_active() => {
                    for stray in consumers.cancel(session).await? {
                        requeue(session, stray).await?;
                    }
                }
                () = self.place_is_free(), if !consumers.are_active() && !self.stop.has_begun() => {
                    consumers.start(session, &self.queues).await?;
                }
                message = consumers.next(), if consumers.are_active() => {
                    let Some(message) = message else {
                        return Err(SessionError::Lost("the broker ended the consumers".to_owned()));
                    };
                    let mut waiting = vec![message];
                    waiting.extend(consumers.ready());
                    if waiting.len() >= self.places.available_permits() {
                        waiting.extend(consumers.cancel(session).await?);
                    }
                    self.hand_over(session, waiting, &settlements).await?;
                }
            }
        }
    }

    async fn place_is_free(&self) {
        // Only a closed semaphore fails, and this one never closes.
        drop(self.places.acquire().await);
    }

    /// Gives the free places to the highest priorities, and everything else back.
    async fn hand_over(
        &self,
        session: &Session,
        waiting: Vec<ConsumerMessage>,
        settlements: &mpsc::UnboundedSender<Settlement>,
    ) -> Result<(), SessionError> {
        let mut waiting: Vec<Delivery> = waiting.into_iter().filter_map(Delivery::new).collect();
        waiting.sort_by_key(|delivery| std::cmp::Reverse(delivery.priority()));
        for delivery in waiting {
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) if !self.stop.has_begun() => {
                    let held = Held { delivery, settlements: settlements.clone(), _place: place };
                    // The kitchen takes no more when it is on its way out; the broker takes the order back.
                    let _ = self.forward.send(held).await;
                }
                _ => settle(session, Settlement::Requeue(delivery.tag)).await?,
            }
        }
        Ok(())
    }
}

/// One consumer for each queue, or none at all.
#[derive(Default)]
struct Consumers {
    active: Vec<(String, mpsc::UnboundedReceiver<ConsumerMessage>)>,
    /// Tags are never used twice, so that a late delivery cannot be taken for a new consumer's.
    started: u64,
}

impl Consumers {
    fn are_active(&self) -> bool {
        !self.active.is_empty()
    }

    async fn start(&mut self, session: &Session, queues: &[&'static str]) -> Result<(), SessionError> {
        for queue in queues {
            self.started += 1;
            let arguments = BasicConsumeArguments::new(queue, &format!("{queue}-{}", self.started));
            let consuming = session.channel.basic_consume_rx(arguments);
            self.active.push(rpc(&format!("consuming '{queue}'"), consuming).await?);
        }
        Ok(())
    }

    /// The next message of any queue; `None` if the broker ended a consumer.
    async fn next(&mut self) -> Option<ConsumerMessage> {
        std::future::poll_fn(|context| {
            for (_, messages) in &mut self.active {
                if let std::task::Poll::Ready(message) = messages.poll_recv(context) {
                    return std::task::Poll::Ready(message);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// What has arrived already.
    fn ready(&mut self) -> Vec<ConsumerMessage> {
        self.active
            .iter_mut()
            .flat_map(|(_, messages)| std::iter::from_fn(|| messages.try_recv().ok()))
            .collect()
    }

    /// Ends all consumers and returns what was still under way: all of it arrives before the broker's answer.
    async fn cancel(&mut self, session: &Session) -> Result<Vec<ConsumerMessage>, SessionError> {
        let mut strays = Vec::new();
        for (tag, mut messages) in std::mem::take(&mut self.active) {
            rpc("cancelling a consumer", session.channel.basic_cancel(BasicCancelArguments::new(&tag)))
                .await?;
            while let Some(message) = messages.recv().await {
                strays.push(message);
            }
        }
        Ok(strays)
    }
}

async fn requeue(session: &Session, stray: ConsumerMessage) -> Result<(), SessionError> {
    match stray.deliver {
        Some(deliver) => settle(session, Settlement::Requeue(deliver.delivery_tag())).await,
        None => Ok(()),
    }
}

async fn settle(session: &Session, settlement: Settlement) -> Result<(), SessionError> {
    match settlement {
        Settlement::Ack(tag) => {
            rpc("acknowledging", session.channel.basic_ack(BasicAckArguments::new(tag, false))).await
        }
        Settlement::Requeue(tag) => {
            rpc("requeueing", session.channel.basic_nack(BasicNackArguments::new(tag, false, true))).await
        }
    }
}
