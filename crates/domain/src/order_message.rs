//! The body of the message that carries an order to the kitchen.

use serde::{Deserialize, Serialize};

use crate::place_order::MAX_ITEMS;
use crate::{Money, NewOrder, OrderItem, OrderNumber, OrderType, Priority};

/// The `Order Message` of the specification ("Message Publishing"), field by field in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderMessage {
    /// The order's number.
    pub order_number: OrderNumber,
    /// The customer's name.
    pub customer_name: String,
    /// How the customer gets the food.
    pub order_type: OrderType,
    /// Table, for `dine_in`.
    pub table_number: Option<i32>,
    /// Address, for `delivery`.
    pub delivery_address: Option<String>,
    /// What to cook.
    pub items: Vec<OrderItem>,
    /// Sum of all lines.
    pub total_amount: Money,
    /// 1, 5 or 10.
    pub priority: Priority,
}

impl OrderMessage {
    /// The message of an order that has just received its number.
    pub fn of(order_number: OrderNumber, order: &NewOrder) -> Self {
        Self {
            order_number,
            customer_name: order.customer_name.clone(),
            order_type: order.fulfilment.order_type(),
            table_number: order.fulfilment.table_number().map(i32::from),
            delivery_address: order.fulfilment.delivery_address().map(str::to_owned),
            items: order.items.clone(),
            total_amount: order.total_amount.clone(),
            priority: order.priority,
        }
    }

    /// Parses a delivered body. An order whose body does not parse can never be cooked.
    ///
    /// # Errors
    /// The body is not the JSON of an order message. The error says what is wrong and where.
    pub fn parse(body: &[u8]) -> Result<Self, ParseOrderMessageError> {
        let message: Self = serde_json::from_slice(body)?;
        if message.items.is_empty() {
            return Err(ParseOrderMessageError::NoItems);
        }
        if message.items.len() > MAX_ITEMS {
            return Err(ParseOrderMessageError::TooManyItems(message.items.len()));
        }
        Ok(message)
    }
}

/// Why a delivered body is not an order.
#[derive(Debug, thiserror::Error)]
pub enum ParseOrderMessageError {
    /// Not JSON, or a field is missing or has the wrong type.
    #[error("the body is not an order message")]
    Json(#[from] serde_json::Error),
    /// The list of items is empty.
    #[error("the order has no items")]
    NoItems,
    /// More items than an order can have.
    #[error("the order has {0} items, more than {MAX_ITEMS}")]
    TooManyItems(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example, without its line breaks.
    const EXAMPLE: &str = r#"{"order_number":"ORD_20241216_001","customer_name":"John Doe","order_type":"delivery","table_number":null,"delivery_address":"123 Main St, City","items":[{"name":"Margherita Pizza","quantity":7,"price":15.99}],"total_amount":111.93,"priority":10}"#;

    #[test]
    fn the_specifications_example_byte_for_byte() {
        let message = OrderMessage::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), EXAMPLE);
    }

    #[test]
    fn fields_of_newer_versions_are_ignored() {
        let future = EXAMPLE.replacen('{', r#"{"schema":2,"#, 1);
        assert!(OrderMessage::parse(future.as_bytes()).is_ok());
    }

    #[test]
    fn an_order_has_at_most_as_many_items_as_can_be_placed() {
        let item = r#"{"name":"Margherita Pizza","quantity":7,"price":15.99}"#;
        let with = |count: usize| EXAMPLE.replacen(item, &vec![item; count].join(","), 1);
        assert!(OrderMessage::parse(with(MAX_ITEMS).as_bytes()).is_ok());
        let why = OrderMessage::parse(with(MAX_ITEMS + 1).as_bytes()).unwrap_err();
        assert_eq!(why.to_string(), "the order has 21 items, more than 20");
    }

    #[test]
    fn bodies_that_are_not_orders_are_refused() {
        for (from, to) in [
            ("ORD_20241216_001", "42"),
            ("\"delivery\"", "\"drone\""),
            ("15.99", "\"15.99\""),
            ("\"priority\":10", "\"priority\":11"),
            ("\"priority\":10", "\"priority\":0"),
            ("\"priority\":10", "\"priority\":\"10\""),
            (r#"[{"name":"Margherita Pizza","quantity":7,"price":15.99}]"#, "[]"),
            ("\"quantity\":7", "\"quantity\":-7"),
            ("{", ""),
        ] {
            let body = EXAMPLE.replacen(from, to, 1);
            assert!(OrderMessage::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
