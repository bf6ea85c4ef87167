//! Sample orders.

use serde_json::{Value, json};

use crate::service::Service;

/// A valid takeout order.
pub fn takeout() -> Value {
    json!({
        "customer_name": "Jane Doe",
        "order_type": "takeout",
        "items": [
            {"name": "Margherita Pizza", "quantity": 1, "price": 15.99},
            {"name": "Caesar Salad", "quantity": 1, "price": 8.99}
        ]
    })
}

/// A valid dine-in order.
pub fn dine_in() -> Value {
    json!({
        "customer_name": "Jane Smith",
        "order_type": "dine_in",
        "table_number": 12,
        "items": [{"name": "Steak", "quantity": 1, "price": 29.99}]
    })
}

/// A valid delivery order.
pub fn delivery() -> Value {
    json!({
        "customer_name": "Bob Johnson",
        "order_type": "delivery",
        "delivery_address": "123 Main Street, Apt 4B",
        "items": [{"name": "Burger Combo", "quantity": 2, "price": 18.99}]
    })
}

/// A valid takeout order with this total, at most 999.99.
pub fn takeout_of(total: &str) -> Value {
    let mut order = takeout();
    let price: Value = serde_json::from_str(total).expect("a number");
    order["items"] = json!([{"name": "Feast", "quantity": 1, "price": price}]);
    order
}

/// The order with another value at a JSON pointer, such as `/items/0/price`. A missing field is
/// added.
#[must_use]
pub fn with(mut order: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a JSON pointer");
    match order.pointer_mut(parent).expect("what the pointer names") {
        Value::Array(elements) => elements[field.parse::<usize>().expect("a place")] = value,
        parent => parent[field] = value,
    }
    order
}

impl Service {
    /// Places an order that must be accepted. Returns its number.
    pub async fn place(&self, order: &Value) -> String {
        let answer = self.post("/orders", &order.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.everything());
        answer.json()["order_number"].as_str().expect("a number").to_owned()
    }
}
