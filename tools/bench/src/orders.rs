//! The orders that `sql/fill.sql` stores: each type with each priority, in turn.

use anyhow::{Result, anyhow};
use domain::{NewOrder, place_order};

/// Numbers of pizzas whose totals have each of the priorities: 40.97, 72.95, 136.91.
const PIZZAS: [u8; 3] = [2, 4, 8];
/// The fields of each order type.
const SERVICES: [&str; 3] = [
    r#""order_type": "dine_in", "table_number": 1"#,
    r#""order_type": "takeout""#,
    r#""order_type": "delivery", "delivery_address": "12 Harbour Road""#,
];

/// One order of every kind.
pub struct Orders(Vec<NewOrder>);

impl Orders {
    /// Parses the orders, as if a client had sent them.
    pub fn of_every_kind() -> Result<Self> {
        let kinds = PIZZAS.iter().flat_map(|pizzas| SERVICES.iter().map(move |service| (pizzas, service)));
        let orders = kinds.map(|(pizzas, service)| {
            let body = format!(
                r#"{{"customer_name": "Ada Lovelace", {service}, "items": [
                    {{"name": "Margherita Pizza", "quantity": {pizzas}, "price": 15.99}},
                    {{"name": "Caesar Salad", "quantity": 1, "price": 8.99}}]}}"#
            );
            place_order::parse(body.as_bytes())
                .map_err(|_| anyhow!("the orders of the bench are not valid any more"))
        });
        orders.collect::<Result<_, _>>().map(Self)
    }

    /// The day's order of this number. `None` only if there are no kinds.
    pub fn get(&self, sequence: u32) -> Option<&NewOrder> {
        let place = usize::try_from(sequence).unwrap_or(0) % self.0.len().max(1);
        self.0.get(place)
    }

    /// All kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &NewOrder> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_priorities_take_turns() {
        let orders = Orders::of_every_kind().unwrap();
        let kinds: Vec<_> = (1..=9)
            .map(|sequence| orders.get(sequence).unwrap())
            .map(|order| (order.fulfilment.order_type().as_str(), order.priority.get()))
            .collect();
        let expected = [
            ("takeout", 1),
            ("delivery", 1),
            ("dine_in", 5),
            ("takeout", 5),
            ("delivery", 5),
            ("dine_in", 10),
            ("takeout", 10),
            ("delivery", 10),
            ("dine_in", 1),
        ];
        assert_eq!(kinds, expected);
    }
}
