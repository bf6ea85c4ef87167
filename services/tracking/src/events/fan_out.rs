//! The open streams of this process, and who gets which row.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::Bytes;
use domain::OrderNumber;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::seen::Seen;

/// Rows that may wait for the stream of one order. An order has a handful.
const QUEUE_OF_ORDER: usize = 64;
/// Rows that may wait for a stream of all orders: those of two seconds under full load.
const QUEUE_OF_ALL: usize = 4_096;

/// Whose changes a stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Those of all orders.
    All,
    /// Those of this order.
    Order(OrderNumber),
}

/// A row on its way to a stream.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: i64,
    /// The event as it is sent, the same for all.
    pub event: Bytes,
    /// What went on so far, this row included.
    pub position: Arc<Seen>,
}

/// The streams.
#[derive(Debug, Default)]
pub struct FanOut {
    all: Vec<Sender<Step>>,
    of_order: HashMap<OrderNumber, Vec<Sender<Step>>>,
}

impl FanOut {
    /// One more stream.
    pub fn add(&mut self, interest: Interest) -> Receiver<Step> {
        match interest {
            Interest::All => {
                let (sender, steps) = mpsc::channel(QUEUE_OF_ALL);
                self.all.push(sender);
                steps
            }
            Interest::Order(number) => {
                let (sender, steps) = mpsc::channel(QUEUE_OF_ORDER);
                self.of_order.entry(number).or_default().push(sender);
                steps
            }
        }
    }

    /// Whether anybody gets the changes of this order.
    pub fn wants(&self, number: OrderNumber) -> bool {
        !self.all.is_empty() || self.of_order.contains_key(&number)
    }

    /// Sends a row to whom it concerns. Whoever has no room for it is cut: the stream ends behind
    /// what is in its queue. Returns how many were.
    pub fn send(&mut self, number: OrderNumber, step: &Step) -> usize {
        let mut cut = 0;
        let mut send = |sender: &mut Sender<Step>| match sender.try_send(step.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                cut += 1;
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        };
        self.all.retain_mut(&mut send);
        if let Some(senders) = self.of_order.get_mut(&number) {
            senders.retain_mut(&mut send);
        }
        cut
    }

    /// Forgets streams whose clients have gone.
    pub fn tidy(&mut self) {
        self.all.retain(|sender| !sender.is_closed());
        self.of_order.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
    }

    /// Whether no stream is open.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.of_order.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn step(id: i64) -> Step {
        Step { id, event: Bytes::new(), position: Arc::new(Seen::nothing()) }
    }

    #[test]
    fn a_row_goes_to_whom_it_concerns_and_who_does_not_keep_up_is_cut() {
        let [number, other]: [OrderNumber; 2] =
            [1, 2].map(|n| format!("ORD_20261130_00{n}").parse().unwrap());
        let mut fan_out = FanOut::default();
        assert!(!fan_out.wants(number));
        let mut of_order = fan_out.add(Interest::Order(number));
        assert!(fan_out.wants(number) && !fan_out.wants(other));
        let mut all = fan_out.add(Interest::All);
        for id in 1..=i64::try_from(QUEUE_OF_ORDER).unwrap() {
            assert_eq!(fan_out.send(number, &step(id)), 0);
        }
        assert_eq!(fan_out.send(other, &step(1_000)), 0);
        assert_eq!(fan_out.send(number, &step(1_001)), 1);
        assert_eq!(fan_out.send(number, &step(1_002)), 0, "it is gone by now");
        let drained = |steps: &mut Receiver<Step>| {
            std::iter::from_fn(|| steps.try_recv().ok().map(|step| step.id)).collect::<Vec<_>>()
        };
        assert_eq!(drained(&mut of_order), (1..=64).collect::<Vec<_>>());
        assert!(of_order.is_closed());
        assert_eq!(drained(&mut all).len(), 67);
        drop(all);
        fan_out.tidy();
        assert!(fan_out.is_empty());
    }
}
