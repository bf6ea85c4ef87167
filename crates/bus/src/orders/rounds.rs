//! Consuming with few places: while one is free, every queue has a consumer. Soon after the
//! last one is taken the consumers are cancelled, and what was under way meanwhile goes back
//! to the broker at once, where an idle worker finds it. Of what arrives together, the
//! highest priority wins.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use amqprs::channel::BasicQosArguments;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::consumer::Consumer;
use super::held::Place;
use crate::delivery::Delivery;
use crate::session::{Session, SessionError, rpc};

/// Shortest time for what was waiting to arrive, once the last consumer is there.
const SHORTEST_GATHERING: Duration = Duration::from_millis(1);

/// How long the consumers stay after an order that came alone has taken the last place: it is
/// claimed and announced before the broker is asked for anything else.
const LINGER: Duration = Duration::from_millis(5);

/// One consumer for each queue, or none at all.
pub(super) struct Rounds {
    queues: Vec<&'static str>,
    places: Arc<Semaphore>,
    consumers: Vec<Consumer>,
    started: u64,
    /// Until when the present round gathers: what it brings by then was waiting already; what comes
    /// later comes by itself.
    gathers_until: Instant,
    /// Until when the consumers stay although the last place is taken, unless they bring something.
    lingers_until: Instant,
}

impl Rounds {
    /// Nothing is consumed yet.
    pub(super) async fn new(
        session: &Session,
        queues: &[&'static str],
        places: Arc<Semaphore>,
        count: u16,
    ) -> Result<Self, SessionError> {
        rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, count, false)))
            .await?;
        let (gathers_until, lingers_until) = (Instant::now(), Instant::now());
        let queues = queues.to_vec();
        Ok(Self { queues, places, consumers: Vec::new(), started: 0, gathers_until, lingers_until })
    }

    pub(super) fn are_consuming(&self) -> bool {
        !self.consumers.is_empty()
    }

    /// Waits until a round can begin, or has to end.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let (consuming, places) = (self.are_consuming(), Arc::clone(&self.places));
        let lingers_until = self.lingers_until;
        async move {
            if !consuming {
                // Only a closed semaphore fails, and this one never closes.
                drop(places.acquire().await);
            } else if places.available_permits() > 0 {
                std::future::pending::<()>().await;
            } else {
                sleep_until(lingers_until).await;
                if places.available_permits() > 0 {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Begins a round, or ends it. Returns what came too late for it, in the order in
    /// which it shall be cooked.
    pub(super) async fn turn(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Delivery, Option<Place>)>, SessionError> {
        if self.are_consuming() {
            let late = self.cancel(session).await?;
            return Ok(self.placed(late));
        }
        self.begin(session).await.map(|()| Vec::new())
    }

    async fn begin(&mut self, session: &Session) -> Result<(), SessionError> {
        // Of what is equally urgent and old the first comes first: each queue is once the first.
        self.queues.rotate_left(1);
        let began = Instant::now();
        for queue in &self.queues {
            self.started += 1;
            self.consumers.push(Consumer::start(session, queue, self.started).await?);
        }
        // The broker answers a consumer and sends it what is waiting at once. As long again as all
        // those answers took is more than the last message should take, however busy the broker is.
        self.gathers_until = Instant::now() + began.elapsed().max(SHORTEST_GATHERING);
        Ok(())
    }

    /// The next message of any queue; `None` if the broker ended a consumer.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let message = std::future::poll_fn(|context| {
            let mut polled = self.consumers.iter_mut().map(|consumer| consumer.poll(context));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        Delivery::new(message.await?)
    }

    /// Returns what has arrived, in the order in which it shall be cooked: those that have a place,
    /// and those that have none.
    ///
    /// Of what was waiting, the most urgent is known when all of it is here: the round is ended
    /// first if it takes the last place. Who comes by itself is not made to wait for that. What
    /// comes without a place ends the round too: returned before that, it would come again at once.
    pub(super) async fn arrived(
        &mut self,
        session: &Session,
        first: Delivery,
    ) -> Result<Vec<(Delivery, Option<Place>)>, SessionError> {
        let mut deliveries = vec![first];
        deliveries.extend(self.consumers.iter_mut().flat_map(Consumer::ready));
        let free = self.places.available_permits();
        if deliveries.len() > free || (deliveries.len() == free && Instant::now() < self.gathers_until) {
            deliveries.extend(self.cancel(session).await?);
        }
        self.lingers_until = Instant::now() + LINGER;
        Ok(self.placed(deliveries))
    }

    /// Gives the places that are free to the most urgent.
    fn placed(&self, mut deliveries: Vec<Delivery>) -> Vec<(Delivery, Option<Place>)> {
        deliveries.sort_by_key(super::turn);
        let place = || Arc::clone(&self.places).try_acquire_owned().ok().map(Arc::new);
        deliveries.into_iter().map(|delivery| (delivery, place())).collect()
    }

    /// Ends all consumers and returns what was still under way.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        let mut strays = Vec::new();
        for consumer in std::mem::take(&mut self.consumers) {
            strays.extend(consumer.cancel(session).await?);
        }
        Ok(strays)
    }
}
