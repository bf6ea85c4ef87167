//! A valid order that has no number yet.

use serde::{Deserialize, Serialize};

use crate::{Money, OrderType, Priority};

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// What it is called on the menu, 1 to 50 characters.
    pub name: String,
    /// Pieces, 1 to 10.
    pub quantity: u8,
    /// Price of one piece.
    pub price: Money,
}

/// How the food reaches the guest, with what is needed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fulfilment {
    /// At the table of this number, 1 to 100.
    DineIn {
        /// The table.
        table_number: u8,
    },
    /// Over the counter.
    Takeout,
    /// By courier.
    Delivery {
        /// Where to, at least 10 characters.
        address: String,
    },
}

impl Fulfilment {
    /// The type of an order that is served so.
    pub fn order_type(&self) -> OrderType {
        match self {
            Self::DineIn { .. } => OrderType::DineIn,
            Self::Takeout => OrderType::Takeout,
            Self::Delivery { .. } => OrderType::Delivery,
        }
    }

    /// The table, for orders that have one.
    pub fn table_number(&self) -> Option<u8> {
        match self {
            Self::DineIn { table_number } => Some(*table_number),
            Self::Takeout | Self::Delivery { .. } => None,
        }
    }

    /// The address, for orders that have one.
    pub fn delivery_address(&self) -> Option<&str> {
        match self {
            Self::Delivery { address } => Some(address),
            Self::DineIn { .. } | Self::Takeout => None,
        }
    }
}

/// An order that passed every rule; it can only be made by [`crate::place_order::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The guest.
    pub customer_name: String,
    /// How it is served.
    pub fulfilment: Fulfilment,
    /// 1 to 20 lines.
    pub items: Vec<OrderItem>,
    /// Sum of price × quantity.
    pub total_amount: Money,
    /// Follows from the total.
    pub priority: Priority,
}

impl NewOrder {
    /// Adds up the items and derives the priority.
    pub(crate) fn new(customer_name: String, fulfilment: Fulfilment, items: Vec<OrderItem>) -> Self {
        let total_amount: Money = items.iter().map(|item| item.price.times(item.quantity)).sum();
        let priority = Priority::of_total(&total_amount);
        Self { customer_name, fulfilment, items, total_amount, priority }
    }
}
