//! Who may change an order: its guest, and the staff.

use domain::OrderIdentity;

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The guest who placed the order of this identity.
    Guest(OrderIdentity),
    /// Somebody who has the staff's key.
    Staff,
}
