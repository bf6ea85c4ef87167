//! Consuming with many places: they are divided into shares, each with a consumer of its
//! own that stays. The broker sends the next order when one is acknowledged, and never more
//! than there are places.
//!
//! Every queue has at least one place, so that no order waits behind those of another type only.
//! The other shares go where the orders are: from time to time one moves to a queue that fills all
//! it has, the one with the most urgent orders first.

use std::cmp::Reverse;
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

/// Shares of each queue, besides its one place, while all queues have the same.
const SHARES: usize = 4;
/// Fewer places for each queue are not worth sharing out.
pub(super) const WORTHWHILE: usize = 8;
/// Time between two looks at who needs more. Moving a share costs three questions to the broker.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// A part of the places, and the consumer that fills it.
struct Share {
    size: u16,
    consumer: Consumer,
    /// Each delivery has a copy: the places are free again when the consumer and all that
    /// it brought are gone.
    place: Place,
}

impl Share {
    /// How many of its places are taken.
    fn taken(&self) -> usize {
        Arc::strong_count(&self.place) - 1
    }

    fn is_full(&self) -> bool {
        self.taken() >= usize::from(self.size)
    }
}

/// A queue and what it has of the places; the smallest share, its own, comes first.
struct Line {
    queue: &'static str,
    shares: Vec<Share>,
    /// The lowest priority that came between the last two looks: it had no higher one left.
    gives: u8,
    /// The same, since the last look.
    lately: Option<u8>,
}

impl Line {
    /// Orders wait there, as far as can be seen from here.
    fn is_pressed(&self) -> bool {
        self.shares.iter().all(Share::is_full)
    }

    fn idle(&self) -> usize {
        self.shares.iter().skip(1).filter(|share| share.taken() == 0).count()
    }
}

/// All queues of the worker.
pub(super) struct Shares {
    lines: Vec<Line>,
    places: Arc<Semaphore>,
    /// Sizes of shares without a consumer, the smallest first.
    spare: Vec<u16>,
    prefetch: u16,
    started: u64,
    next_look: Instant,
    /// Something has come since the last look.
    busy: bool,
}

/// The places of a worker in parts: one for each queue, and the rest as evenly as can be.
fn divide(places: u16, queues: usize) -> Vec<u16> {
    let rest = usize::from(places).saturating_sub(queues);
    let count = (SHARES * queues).min(rest);
    let larger = |number: usize| usize::from(number < rest.checked_rem(count).unwrap_or(0));
    let shares = (0..count).rev().map(|number| rest / count + larger(number));
    let sizes = std::iter::repeat_n(1, queues).chain(shares);
    sizes.map(|size| u16::try_from(size).unwrap_or(u16::MAX)).collect()
}

impl Shares {
    /// Nothing is consumed yet.
    pub(super) fn new(queues: &[&'static str], places: Arc<Semaphore>, count: u16) -> Self {
        let line = |queue: &&'static str| Line { queue, shares: Vec::new(), gives: 0, lately: None };
        Self {
            lines: queues.iter().map(line).collect(),
            places,
            spare: divide(count, queues.len()),
            prefetch: 0,
            started: 0,
            next_look: Instant::now(),
            busy: false,
        }
    }

    pub(super) fn are_consuming(&self) -> bool {
        self.lines.iter().any(|line| !line.shares.is_empty())
    }

    /// Waits until shares may have to be moved.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let next_look = (self.busy || !self.spare.is_empty()).then_some(self.next_look);
        async move {
            match next_look {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Moves what must be moved. Returns what a consumer that was ended still brought.
    pub(super) async fn look(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(Delivery, Option<Place>)>, SessionError> {
        self.next_look = Instant::now() + LOOK_INTERVAL;
        self.busy = false;
        for line in &mut self.lines {
            line.gives = line.lately.take().unwrap_or(line.gives);
        }
        let mut brought = Vec::new();
        // One that could not be handed out yet comes first.
        if self.spare.is_empty()
            && let Some((from, number)) = self.dispensable()
        {
            let line = self.lines.get_mut(from);
            if let Some(Share { size, consumer, place }) = line.map(|line| line.shares.remove(number)) {
                let strays = consumer.cancel(session).await?.into_iter();
                brought.extend(strays.map(|delivery| (delivery, Some(Arc::clone(&place)))));
                self.spare.push(size);
            }
        }
        self.hand_out(session).await?;
        Ok(brought)
    }

    /// The queue that needs more places most.
    fn neediest(&self) -> Option<usize> {
        let need =
            |line: &Line| (line.shares.is_empty(), line.is_pressed(), line.gives, Reverse(line.shares.len()));
        let lines = self.lines.iter().enumerate();
        lines.max_by_key(|(_, line)| need(line)).map(|(index, _)| index)
    }

    /// A share that is better used elsewhere: its line, and its number there.
    fn dispensable(&self) -> Option<(usize, usize)> {
        let taker = self.lines.get(self.neediest()?).filter(|line| line.is_pressed())?;
        let better_used_elsewhere = |line: &Line| {
            if line.is_pressed() {
                line.gives < taker.gives
                    || (line.gives == taker.gives && line.shares.len() > taker.shares.len() + 1)
            } else {
                line.idle() > 0
            }
        };
        let lines = self.lines.iter().enumerate().filter(|(_, line)| line.shares.len() > 1);
        let (index, giver) =
            lines.filter(|(_, line)| better_used_elsewhere(line)).min_by_key(|(_, line)| {
                (line.is_pressed(), line.gives, Reverse(line.idle()), Reverse(line.shares.len()))
            })?;
        let shares = giver.shares.iter().enumerate().skip(1);
        shares.min_by_key(|(_, share)| share.taken()).map(|(number, _)| (index, number))
    }

    /// Starts consumers for the spare shares whose places are free.
    async fn hand_out(&mut self, session: &Session) -> Result<(), SessionError> {
        for size in std::mem::take(&mut self.spare) {
            let places = Arc::clone(&self.places).try_acquire_many_owned(size.into());
            let Ok(place) = places else {
                self.spare.push(size);
                continue;
            };
            if self.prefetch != size {
                let qos = session.channel.basic_qos(BasicQosArguments::new(0, size, false));
                rpc("setting the prefetch", qos).await?;
                self.prefetch = size;
            }
            self.started += 1;
            let number = self.started;
            let Some(line) = self.neediest().and_then(|index| self.lines.get_mut(index)) else { continue };
            let consumer = Consumer::start(session, line.queue, number).await?;
            line.shares.push(Share { size, consumer, place: Arc::new(place) });
        }
        Ok(())
    }

    /// The next message of any queue, and its place; `None` if the broker ended a consumer.
    pub(super) async fn next(&mut self) -> Option<(Delivery, Place)> {
        std::future::poll_fn(|context| {
            for line in &mut self.lines {
                for Share { consumer, place, .. } in &mut line.shares {
                    if let Poll::Ready(message) = consumer.poll(context) {
                        let delivery = message.and_then(Delivery::new);
                        line.lately = delivery.iter().map(Delivery::priority).chain(line.lately).min();
                        return Poll::Ready(delivery.map(|delivery| (delivery, Arc::clone(place))));
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// What has arrived besides.
    pub(super) fn arrived(&mut self) -> Vec<(Delivery, Place)> {
        self.busy = true;
        let mut arrived = Vec::new();
        for line in &mut self.lines {
            for Share { consumer, place, .. } in &mut line.shares {
                for delivery in consumer.ready() {
                    line.lately = line.lately.into_iter().chain([delivery.priority()]).min();
                    arrived.push((delivery, Arc::clone(place)));
                }
            }
        }
        arrived
    }

    /// Ends all consumers and returns what was still under way.
    pub(super) async fn cancel(&mut self, session: &Session) -> Result<Vec<Delivery>, SessionError> {
        let mut strays = Vec::new();
        for share in self.lines.iter_mut().flat_map(|line| std::mem::take(&mut line.shares)) {
            strays.extend(share.consumer.cancel(session).await?);
        }
        Ok(strays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_in_a_share_and_every_queue_has_one() {
        for (places, queues) in
            [(32, 4), (50, 4), (64, 4), (256, 4), (1_000, 4), (8, 1), (9, 1), (16, 2), (1, 1)]
        {
            let shares = divide(places, queues);
            assert_eq!(shares.iter().sum::<u16>(), places, "{places} for {queues}: {shares:?}");
            assert_eq!(shares.iter().filter(|size| **size == 0).count(), 0, "{shares:?}");
            assert!(shares.is_sorted() && shares.iter().take(queues).all(|size| *size == 1), "{shares:?}");
        }
        assert_eq!(divide(40, 4), [vec![1; 4], vec![2; 12], vec![3; 4]].concat());
    }
}
