//! Sample customers and orders: varied, and plausible.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::menu::Menu;

const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Linus",
    "Grace",
    "José",
    "Zoë",
    "Иван",
    "Yuki",
    "Anne-Marie",
    "Omar",
    "Priya",
    "Søren",
    "Chinua",
];
const LAST_NAMES: &[&str] = &[
    "Lovelace",
    "O'Neill",
    "Hopper",
    "García",
    "Müller",
    "Петров",
    "Tanaka",
    "D’Angelo",
    "Haddad",
    "Rao",
    "Holm",
];
const STREETS: &[&str] = &["Elm Street", "Harbour Road", "Via Roma", "Station Square", "Mill Lane"];

/// A customer and the order.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The customer's name.
    pub name: String,
    /// The type of the order.
    pub order_type: &'static str,
    /// The body of `POST /orders`.
    pub body: Value,
}

/// This number of customers, who order from this menu. The same seed makes the same customers.
pub fn customers(menu: &Menu, seed: u64, count: usize) -> Vec<Customer> {
    let mut chance = StdRng::seed_from_u64(seed);
    (0..count).map(|_| customer(menu, &mut chance)).collect()
}

fn customer(menu: &Menu, chance: &mut StdRng) -> Customer {
    let pick =
        |chance: &mut StdRng, words: &[&str]| words.choose(chance).copied().unwrap_or_default().to_owned();
    let name = format!("{} {}", pick(chance, FIRST_NAMES), pick(chance, LAST_NAMES));
    let order_type = menu.order_type(chance);
    let lines = (0..chance.random_range(1..=4)).filter_map(|_| {
        let quantity = *[1, 1, 1, 2, 2, 3].choose(chance)?;
        menu.line(order_type, quantity, chance)
    });
    let items: Vec<Value> = lines.collect();
    let mut body = json!({"customer_name": name, "order_type": order_type, "items": items});
    let needed = match order_type {
        "dine_in" => Some(("table_number", json!(chance.random_range(1..=40)))),
        "delivery" => {
            let address = format!("{} {}", chance.random_range(1..=120), pick(chance, STREETS));
            Some(("delivery_address", json!(address)))
        }
        _ => None,
    };
    if let (Some(fields), Some((name, value))) = (body.as_object_mut(), needed) {
        fields.insert(name.to_owned(), value);
    }
    Customer { name, order_type, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_orders_something_that_the_restaurant_takes() {
        for customer in customers(&Menu::priced_by_guests(), 7, 2_000) {
            let body = customer.body.to_string();
            assert!(domain::place_order::parse(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn guests_of_a_menu_order_what_can_be_had_for_their_type() {
        let items = json!([
            {"id": "soup", "order_types": ["takeout", "dine_in"], "sold_out": false},
            {"id": "ice", "order_types": ["dine_in"], "sold_out": false},
            {"id": "pho", "order_types": ["delivery"], "sold_out": true},
        ]);
        let menu = json!({"menu_version": 1, "categories": [{"name": "All", "items": items}]});
        let menu = Menu::parse(&menu.to_string()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for customer in customers(&menu, 7, 500) {
            let body = customer.body.to_string();
            assert!(domain::place_order::parse_menu_order(body.as_bytes()).is_ok(), "{body}");
            for line in customer.body["items"].as_array().unwrap() {
                assert!(line.get("price").is_none() && line.get("name").is_none(), "{line}");
                seen.insert((customer.order_type, line["item_id"].as_str().unwrap().to_owned()));
            }
        }
        let expected = [("dine_in", "ice"), ("dine_in", "soup"), ("takeout", "soup")];
        assert!(seen.iter().map(|(order_type, id)| (*order_type, id.as_str())).eq(expected), "{seen:?}");
    }

    #[test]
    fn the_same_seed_brings_the_same_guests() {
        let menu = Menu::priced_by_guests();
        let bodies =
            |seed| customers(&menu, seed, 20).into_iter().map(|customer| customer.body).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }
}
