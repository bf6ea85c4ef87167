//! What this worker cooks at the moment: known by order, so that a second delivery of
//! one finds the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::orders::Held;
use domain::{OrderNumber, OrderPointer};
use tokio_util::sync::CancellationToken;

/// The orders on the stove; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stove(Arc<Mutex<HashMap<OrderNumber, Pot>>>);

#[derive(Debug)]
struct Pot {
    /// What the deliveries say of the order, all the same.
    order: OrderPointer,
    order_id: Option<i32>,
    taken_off: CancellationToken,
    /// All deliveries of the order: what becomes of it is true of each of them.
    held: Vec<Held>,
}

/// What became of a delivery that was put on the stove.
#[derive(Debug)]
pub enum PutOn {
    /// Nothing of this order was there.
    Started(OnStove),
    /// The order is there already; the delivery is settled with the others.
    Joined,
    /// A delivery that says something else of the order is there: one of the two is not about it.
    /// This one's turn comes when the other is done.
    Occupied(Box<Held>),
}

/// An order on the stove. As long as it stays there its claim is renewed, and
/// nobody else can cook it.
#[derive(Debug)]
pub struct OnStove {
    stove: Stove,
    number: OrderNumber,
    /// Tells if the claim gets lost while it cooks.
    pub taken_off: CancellationToken,
}

impl Stove {
    fn lock(&self) -> MutexGuard<'_, HashMap<OrderNumber, Pot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a delivery on. There may be several of one order: its session was lost, or the
    /// order was sent twice.
    pub fn put_on(&self, order: OrderPointer, held: Held) -> PutOn {
        let mut pots = self.lock();
        let number = order.number;
        if let Some(pot) = pots.get_mut(&number) {
            if pot.order != order {
                return PutOn::Occupied(Box::new(held));
            }
            pot.held.push(held);
            return PutOn::Joined;
        }
        let taken_off = CancellationToken::new();
        pots.insert(number, Pot { order, order_id: None, taken_off: taken_off.clone(), held: vec![held] });
        PutOn::Started(OnStove { stove: self.clone(), number, taken_off })
    }

    /// The rows of all orders that have been claimed.
    pub fn claimed_orders(&self) -> Vec<i32> {
        self.lock().values().filter_map(|pot| pot.order_id).collect()
    }

    /// The numbers of all orders that have not been claimed, sorted: they wait for a place,
    /// or for another cook.
    pub fn unclaimed_orders(&self) -> Vec<OrderNumber> {
        let pots = self.lock();
        let unclaimed = pots.iter().filter(|(_, pot)| pot.order_id.is_none());
        let mut numbers: Vec<OrderNumber> = unclaimed.map(|(number, _)| *number).collect();
        numbers.sort();
        numbers
    }

    /// Tells these orders that they are somebody else's now.
    pub fn abandon(&self, order_ids: &[i32]) {
        for pot in self.lock().values() {
            if pot.order_id.is_some_and(|order_id| order_ids.contains(&order_id)) {
                pot.taken_off.cancel();
            }
        }
    }
}

impl OnStove {
    /// Notes that the order has been claimed.
    pub fn claimed(&self, order_id: i32) {
        if let Some(pot) = self.stove.lock().get_mut(&self.number) {
            pot.order_id = Some(order_id);
        }
    }

    /// Forgets a claim that was lost; the order stays, for another attempt.
    pub fn start_over(&mut self) {
        self.taken_off = CancellationToken::new();
        if let Some(pot) = self.stove.lock().get_mut(&self.number) {
            pot.order_id = None;
            pot.taken_off = self.taken_off.clone();
        }
    }

    /// Takes the order off, to settle its deliveries.
    pub fn take_off(self) -> Vec<Held> {
        self.stove.lock().remove(&self.number).map(|pot| pot.held).unwrap_or_default()
    }
}
