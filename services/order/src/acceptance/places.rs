//! The places of orders that are accepted and perhaps not stored yet.
//!
//! The database counts the stored ones. An order between the two is counted here, once: a count
//! says which of these it has seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{OrderIdentity, OrderType};

/// The orders of this process that hold a place; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<OrderIdentity, OrderType>>>);

/// The right to wait for a cook, until the order is stored or will never be.
#[derive(Debug)]
pub struct Place {
    places: Places,
    identity: OrderIdentity,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.locked().remove(&self.identity);
    }
}

impl Places {
    /// The orders that hold a place now.
    pub fn held(&self) -> Vec<(OrderIdentity, OrderType)> {
        self.locked().iter().map(|(identity, order_type)| (*identity, *order_type)).collect()
    }

    /// Gives an order a place.
    pub fn take(&self, identity: OrderIdentity, order_type: OrderType) -> Place {
        self.locked().insert(identity, order_type);
        Place { places: self.clone(), identity }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<OrderIdentity, OrderType>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
