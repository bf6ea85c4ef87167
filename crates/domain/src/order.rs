//! A valid order that has no number yet.

use serde::{Deserialize, Serialize};

use crate::{Money, OrderType, Priority};

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// The item's name on the menu, 1 to 50 characters.
    pub name: String,
    /// Pieces, 1 to 10.
    pub quantity: u8,
    /// Price of one piece.
    pub price: Money,
}

/// How the customer gets the food, with the data that each way needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fulfilment {
    /// Served at a table.
    DineIn {
        /// The table's number, 1 to 100.
        table_number: u8,
    },
    /// Picked up by the customer.
    Takeout,
    /// Brought by a courier.
    Delivery {
        /// The address, 10 to 500 characters.
        address: String,
    },
}

impl Fulfilment {
    /// The order type that this fulfilment belongs to.
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

/// An order that passed every rule. [`crate::place_order::parse`] makes one whose items say what
/// they cost, [`crate::basket::order`] one whose items the menu has priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The customer's name.
    pub customer_name: String,
    /// How the customer gets the food.
    pub fulfilment: Fulfilment,
    /// 1 to 20 lines.
    pub items: Vec<OrderItem>,
    /// What the guest pays: the sum of price × quantity, or what price rules made of it.
    pub total_amount: Money,
    /// Derived from the total.
    pub priority: Priority,
}

impl NewOrder {
    /// Adds up the items and derives the priority.
    pub(crate) fn new(customer_name: String, fulfilment: Fulfilment, items: Vec<OrderItem>) -> Self {
        let total_amount: Money = items.iter().map(|item| item.price.times(item.quantity)).sum();
        Self::costing(customer_name, fulfilment, items, total_amount)
    }

    /// Derives the priority from what the guest pays.
    pub(crate) fn costing(
        customer_name: String,
        fulfilment: Fulfilment,
        items: Vec<OrderItem>,
        total_amount: Money,
    ) -> Self {
        let priority = Priority::of_total(&total_amount);
        Self { customer_name, fulfilment, items, total_amount, priority }
    }
}
