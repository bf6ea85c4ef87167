//! Sample customers and orders: varied, and plausible.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

/// Dishes and their prices in cents.
const DISHES: &[(&str, u32)] = &[
    ("Margherita Pizza", 1_199),
    ("Pizza Quattro Formaggi", 1_499),
    ("Spaghetti Carbonara", 1_350),
    ("Lasagne al Forno", 1_425),
    ("Caesar Salad", 899),
    ("Insalata Caprese", 995),
    ("Minestrone", 750),
    ("Bistecca alla Fiorentina", 4_890),
    ("Branzino alla Griglia", 2_690),
    ("Risotto ai Funghi", 1_690),
    ("Tiramisù", 690),
    ("Panna Cotta", 650),
    ("Espresso", 250),
    ("San Pellegrino 0.75 l", 590),
    ("Chianti Classico (bottle)", 3_250),
];

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

/// This number of customers. The same seed makes the same customers.
pub fn customers(seed: u64, count: usize) -> Vec<Customer> {
    let mut chance = StdRng::seed_from_u64(seed);
    (0..count).map(|_| customer(&mut chance)).collect()
}

fn customer(chance: &mut StdRng) -> Customer {
    let pick =
        |chance: &mut StdRng, words: &[&str]| words.choose(chance).copied().unwrap_or_default().to_owned();
    let name = format!("{} {}", pick(chance, FIRST_NAMES), pick(chance, LAST_NAMES));
    let items: Vec<Value> = (0..chance.random_range(1..=4)).filter_map(|_| item(chance)).collect();
    let order_type = ["dine_in", "takeout", "delivery"].choose(chance).copied().unwrap_or("takeout");
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

fn item(chance: &mut StdRng) -> Option<Value> {
    let (dish, cents) = DISHES.choose(chance)?;
    let quantity = [1, 1, 1, 2, 2, 3].choose(chance)?;
    Some(json!({"name": dish, "quantity": quantity, "price": price(*cents)}))
}

/// Cents as a JSON number with two decimals, digit for digit.
fn price(cents: u32) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_orders_something_that_the_restaurant_takes() {
        for customer in customers(7, 2_000) {
            let body = customer.body.to_string();
            assert!(domain::place_order::parse(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn the_same_seed_brings_the_same_guests() {
        let bodies = |seed| customers(seed, 20).into_iter().map(|customer| customer.body).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }
}
