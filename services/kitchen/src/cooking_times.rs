//! The cooking time of each order type.

use std::time::Duration;

use config::CookingSeconds;
use domain::OrderType;

/// The configured cooking time of a type (specification, "Simulate Cooking").
pub fn of(order_type: OrderType, times: &CookingSeconds) -> Duration {
    match order_type {
        OrderType::DineIn => times.dine_in,
        OrderType::Takeout => times.takeout,
        OrderType::Delivery => times.delivery,
    }
}
