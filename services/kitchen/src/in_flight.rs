//! The orders that this worker holds, by order number, so that a second delivery of an order joins
//! the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::orders::LeasedDelivery;
use domain::{OrderNumber, OrderPointer};
use tokio_util::sync::CancellationToken;

/// The orders in flight. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct InFlightOrders(Arc<Mutex<HashMap<OrderNumber, Entry>>>);

#[derive(Debug)]
struct Entry {
    /// The order as all its deliveries describe it.
    order: OrderPointer,
    order_id: Option<i32>,
    claim_lost: CancellationToken,
    /// All deliveries of the order. They are settled together.
    held: Vec<LeasedDelivery>,
}

/// The result of inserting a delivery.
#[derive(Debug)]
pub enum Insertion {
    /// The order was not in flight.
    New(InFlightGuard),
    /// The order is in flight already. The delivery is settled with the others.
    Joined,
    /// A delivery with other contents is in flight under this order number. One of the two is not
    /// about this order. This one must be retried after the other is settled.
    Conflict(Box<LeasedDelivery>),
}

/// An order in flight. Its lease is renewed as long as the guard exists, so no other worker can
/// claim the order.
#[derive(Debug)]
pub struct InFlightGuard {
    in_flight: InFlightOrders,
    number: OrderNumber,
    /// Cancelled when the claim is lost while the order cooks.
    pub claim_lost: CancellationToken,
}

impl InFlightOrders {
    fn lock(&self) -> MutexGuard<'_, HashMap<OrderNumber, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inserts a delivery. One order may have several: its session was lost, or it was published
    /// twice.
    pub fn insert(&self, order: OrderPointer, held: LeasedDelivery) -> Insertion {
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

    /// Inserts an order that was recalled: without a delivery, because the last one was
    /// acknowledged. `None` if the order is in flight.
    pub fn insert_recalled(&self, order: OrderPointer) -> Option<InFlightGuard> {
        let mut entries = self.lock();
        let number = order.number;
        if entries.contains_key(&number) {
            return None;
        }
        let claim_lost = CancellationToken::new();
        let entry = Entry { order, order_id: None, claim_lost: claim_lost.clone(), held: Vec::new() };
        entries.insert(number, entry);
        Some(InFlightGuard { in_flight: self.clone(), number, claim_lost })
    }

    /// The row ids of all claimed orders.
    pub fn claimed_orders(&self) -> Vec<i32> {
        self.lock().values().filter_map(|entry| entry.order_id).collect()
    }

    /// The numbers of all orders that are not claimed yet, sorted. They wait for a permit, or for
    /// another worker's claim to end.
    pub fn unclaimed_orders(&self) -> Vec<OrderNumber> {
        let entries = self.lock();
        let unclaimed = entries.iter().filter(|(_, entry)| entry.order_id.is_none());
        let mut numbers: Vec<OrderNumber> = unclaimed.map(|(number, _)| *number).collect();
        numbers.sort();
        numbers
    }

    /// Marks the claims on these orders as lost.
    pub fn mark_lost(&self, order_ids: &[i32]) {
        for entry in self.lock().values() {
            if entry.order_id.is_some_and(|order_id| order_ids.contains(&order_id)) {
                entry.claim_lost.cancel();
            }
        }
    }
}

impl InFlightGuard {
    /// Records that the order has been claimed.
    pub fn claimed(&self, order_id: i32) {
        if let Some(entry) = self.in_flight.lock().get_mut(&self.number) {
            entry.order_id = Some(order_id);
        }
    }

    /// Forgets a lost claim. The order stays in flight for another attempt.
    pub fn reset_claim(&mut self) {
        self.claim_lost = CancellationToken::new();
        if let Some(entry) = self.in_flight.lock().get_mut(&self.number) {
            entry.order_id = None;
            entry.claim_lost = self.claim_lost.clone();
        }
    }

    /// Removes the order, and returns its deliveries to be settled.
    pub fn remove(self) -> Vec<LeasedDelivery> {
        self.in_flight.lock().remove(&self.number).map(|entry| entry.held).unwrap_or_default()
    }
}
