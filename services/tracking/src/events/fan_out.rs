//! The open streams of this process, and who gets which row.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::Bytes;
use domain::OrderNumber;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::position::Witness;
use super::seen::Seen;

/// Rows that may wait for the stream of one order. An order has a handful.
const QUEUE_OF_ORDER: usize = 64;
/// Rows that may wait for a stream of all orders: all that were held back, and a page more.
const QUEUE_OF_ALL: usize = 4_096;
/// Bytes of what waits for a stream of all orders at most: the events are of some 200 bytes each,
/// with their place in the queue. Those of an order fit what every connection has.
pub const BYTES_OF_ALL: usize = QUEUE_OF_ALL * 256;

/// Rows that a stream sends in one piece.
pub const TOGETHER: usize = 64;

/// A row on its way to a stream.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    /// By which the log is known again.
    pub witness: Witness,
    /// The event as it is sent, but for its id: the same for all.
    pub event: Bytes,
}

/// A row on its way to a stream of all orders.
#[derive(Clone, Debug)]
pub struct Step {
    pub row: Row,
    /// What went on so far, this row included.
    pub position: Arc<Seen>,
}

/// The streams.
#[derive(Debug, Default)]
pub struct FanOut {
    all: Vec<Sender<Step>>,
    of_order: HashMap<OrderNumber, Vec<Sender<Row>>>,
}

impl FanOut {
    /// One more stream of all orders.
    pub fn add(&mut self) -> Receiver<Step> {
        let (sender, steps) = mpsc::channel(QUEUE_OF_ALL);
        self.all.push(sender);
        steps
    }

    /// One more stream of this order.
    pub fn add_of(&mut self, number: OrderNumber) -> Receiver<Row> {
        let (sender, rows) = mpsc::channel(QUEUE_OF_ORDER);
        self.of_order.entry(number).or_default().push(sender);
        rows
    }

    /// Whether anybody gets the changes of all orders.
    pub fn has_all(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether a stream of this order is open.
    pub fn has(&self, number: OrderNumber) -> bool {
        self.of_order.contains_key(&number)
    }

    /// Sends a row to the streams of all orders. Returns how many did not keep up.
    pub fn send(&mut self, step: &Step) -> usize {
        send(&mut self.all, step)
    }

    /// Sends a row to the streams of its order. Returns how many did not keep up.
    pub fn send_of(&mut self, number: OrderNumber, row: &Row) -> usize {
        self.of_order.get_mut(&number).map_or(0, |senders| send(senders, row))
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

/// Whoever has no room is cut: the stream ends behind what is in its queue. Returns how many were.
fn send<T: Clone>(senders: &mut Vec<Sender<T>>, item: &T) -> usize {
    let mut cut = 0;
    senders.retain(|sender| match sender.try_send(item.clone()) {
        Ok(()) => true,
        Err(mpsc::error::TrySendError::Full(_)) => {
            cut += 1;
            false
        }
        Err(mpsc::error::TrySendError::Closed(_)) => false,
    });
    cut
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;
    use crate::events::spans::Spans;

    fn row(id: i64) -> Row {
        Row { id, witness: Witness { id, micros: 0 }, event: Bytes::new() }
    }

    #[test]
    fn a_row_goes_to_whom_it_concerns_and_who_does_not_keep_up_is_cut() {
        let [number, other]: [OrderNumber; 2] =
            [1, 2].map(|n| format!("ORD_20261130_00{n}").parse().unwrap());
        let mut fan_out = FanOut::default();
        assert!(!fan_out.has(number));
        let mut of_order = fan_out.add_of(number);
        assert!(fan_out.has(number) && !fan_out.has(other) && !fan_out.has_all());
        let mut all = fan_out.add();
        assert!(fan_out.has_all());
        for id in 1..=i64::try_from(QUEUE_OF_ORDER).unwrap() {
            assert_eq!(fan_out.send_of(number, &row(id)), 0);
        }
        assert_eq!(fan_out.send_of(other, &row(1_000)), 0);
        assert_eq!(fan_out.send_of(number, &row(1_001)), 1);
        assert_eq!(fan_out.send_of(number, &row(1_002)), 0, "it is gone by now");
        let position = Arc::new(Seen::new(7, &Spans::default()));
        assert_eq!(fan_out.send(&Step { row: row(7), position }), 0);
        let ids = std::iter::from_fn(|| of_order.try_recv().ok().map(|row| row.id));
        assert_eq!(ids.collect::<Vec<_>>(), (1..=64).collect::<Vec<_>>());
        assert!(of_order.is_closed());
        assert_eq!(all.try_recv().unwrap().row.id, 7);
        assert!(all.try_recv().is_err());
        drop(all);
        fan_out.tidy();
        assert!(fan_out.is_empty());
    }
}
