//! What this worker cooks at the moment: known by order, so that a second delivery of
//! one finds the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::orders::Held;
use domain::{OrderNumber, OrderPointer};
use tokio_util::sync::CancellationToken;

/// The orders on the stove; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct InFlightOrders(Arc<Mutex<HashMap<OrderNumber, Entry>>>);

#[derive(Debug)]
struct Entry {
    /// What the deliveries say of the order, all the same.
    order: OrderPointer,
    order_id: Option<i32>,
    claim_lost: CancellationToken,
    /// All deliveries of the order: what becomes of it is true of each of them.
    held: Vec<Held>,
}

/// What became of a delivery that was put on the stove.
#[derive(Debug)]
pub enum Insertion {
    /// Nothing of this order was there.
    New(InFlightGuard),
    /// The order is there already; the delivery is settled with the others.
    Joined,
    /// A delivery that says something else of the order is there: one of the two is not about it.
    /// This one's turn comes when the other is done.
    Conflict(Box<Held>),
}

/// An order on the stove. As long as it stays there its claim is renewed, and
/// nobody else can cook it.
#[derive(Debug)]
pub struct InFlightGuard {
    in_flight: InFlightOrders,
    number: OrderNumber,
    /// Tells if the claim gets lost while it cooks.
    pub claim_lost: CancellationToken,
}

impl InFlightOrders {
    fn lock(&self) -> MutexGuard<'_, HashMap<OrderNumber, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a delivery on. There may be several of one order: its session was lost, or the
    /// order was sent twice.
    pub fn insert(&self, order: OrderPointer, held: Held) -> Insertion {
        let mut entries = self.lock();
        let number = order.number;
        if let Some(entry) = entries.get_mut(&number) {
            if entry.order != order {
                return Insertion::Conflict(Box::new(held));
            }
            entry.held.push(held);
            return Insertion::Joined;
        }
        let claim_lost = CancellationToken::new();
        entries.insert(
            number,
            Entry { order, order_id: None, claim_lost: claim_lost.clone(), held: vec![held] },
        );
        Insertion::New(InFlightGuard { in_flight: self.clone(), number, claim_lost })
    }

    /// The rows of all orders that have been claimed.
    pub fn claimed_orders(&self) -> Vec<i32> {
        self.lock().values().filter_map(|entry| entry.order_id).collect()
    }

    /// The numbers of all orders that have not been claimed, sorted: they wait for a place,
    /// or for another cook.
    pub fn unclaimed_orders(&self) -> Vec<OrderNumber> {
        let entries = self.lock();
        let unclaimed = entries.iter().filter(|(_, entry)| entry.order_id.is_none());
        let mut numbers: Vec<OrderNumber> = unclaimed.map(|(number, _)| *number).collect();
        numbers.sort();
        numbers
    }

    /// Tells these orders that they are somebody else's now.
    pub fn mark_lost(&self, order_ids: &[i32]) {
        for entry in self.lock().values() {
            if entry.order_id.is_some_and(|order_id| order_ids.contains(&order_id)) {
                entry.claim_lost.cancel();
            }
        }
    }
}

impl InFlightGuard {
    /// Notes that the order has been claimed.
    pub fn claimed(&self, order_id: i32) {
        if let Some(entry) = self.in_flight.lock().get_mut(&self.number) {
            entry.order_id = Some(order_id);
        }
    }

    /// Forgets a claim that was lost; the order stays, for another attempt.
    pub fn reset_claim(&mut self) {
        self.claim_lost = CancellationToken::new();
        if let Some(entry) = self.in_flight.lock().get_mut(&self.number) {
            entry.order_id = None;
            entry.claim_lost = self.claim_lost.clone();
        }
    }

    /// Takes the order off, to settle its deliveries.
    pub fn remove(self) -> Vec<Held> {
        self.in_flight.lock().remove(&self.number).map(|entry| entry.held).unwrap_or_default()
    }
}
