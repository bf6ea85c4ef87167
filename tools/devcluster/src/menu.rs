//! What sample customers choose from: dishes that they price themselves, or the menu of a running
//! service.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::Rng;
use rand::seq::IteratorRandom;
use runtime::http_client::{self, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest wait for the menu of a service.
const LIMIT: Duration = Duration::from_secs(15);

/// The types of orders.
const ORDER_TYPES: [&str; 3] = ["dine_in", "takeout", "delivery"];

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

/// Dishes that can be ordered.
#[derive(Clone, Debug)]
pub struct Menu {
    dishes: Vec<Dish>,
}

#[derive(Clone, Debug)]
struct Dish {
    /// The fields by which a line of an order names it.
    fields: Vec<(&'static str, Value)>,
    order_types: Vec<&'static str>,
}

/// Why nobody can order from the menu of a service.
#[derive(Debug, thiserror::Error)]
pub enum MenuError {
    /// It does not answer.
    #[error("it does not answer GET /menu")]
    Unanswered(#[from] io::Error),
    /// There is no menu: guests say what a dish costs.
    #[error("its menu is off")]
    Off,
    /// It answers with this status.
    #[error("it answers GET /menu with {0}; its log says why")]
    Refused(u16),
    /// Its answer is no menu.
    #[error("its menu cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// It has no item, or all are sold out.
    #[error("its menu has nothing that can be ordered now")]
    Empty,
}

/// What matters here of the answer to `GET /menu`.
#[derive(Deserialize)]
struct Answer {
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Category {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    order_types: Vec<String>,
    sold_out: bool,
}

impl Menu {
    /// For a service without a menu: a line names its dish and the price.
    pub fn priced_by_guests() -> Self {
        let dish = |(name, cents): &(&str, u32)| Dish {
            fields: vec![("name", json!(name)), ("price", price(*cents))],
            order_types: ORDER_TYPES.to_vec(),
        };
        Self { dishes: DISHES.iter().map(dish).collect() }
    }

    /// The menu of the order service at this address: a line names its item by `item_id`, and no
    /// price.
    ///
    /// # Errors
    /// It has none, it cannot be read, or nothing on it can be ordered.
    pub async fn of_service(address: SocketAddr) -> Result<Self, MenuError> {
        let answer = http_client::send_to(address, &Request::get("/menu"), LIMIT).await?;
        match answer.status {
            200 => Self::parse(&answer.body),
            404 => Err(MenuError::Off),
            status => Err(MenuError::Refused(status)),
        }
    }

    pub(crate) fn parse(answer: &str) -> Result<Self, MenuError> {
        let answer: Answer = serde_json::from_str(answer)?;
        let items = answer.categories.into_iter().flat_map(|category| category.items);
        let dishes: Vec<Dish> = items.filter(|item| !item.sold_out).map(Dish::from).collect();
        if dishes.is_empty() { Err(MenuError::Empty) } else { Ok(Self { dishes }) }
    }

    /// The body of an order of its first dish, to take out. `None` if there is no dish to take out.
    pub fn sample_order(&self) -> Option<Value> {
        let dish = self.dishes.iter().find(|dish| dish.order_types.contains(&"takeout"))?;
        Some(json!({"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [dish.line(1)]}))
    }

    /// One of the order types for which there is a dish.
    pub(crate) fn order_type(&self, chance: &mut impl Rng) -> &'static str {
        let is_served =
            |order_type: &&str| self.dishes.iter().any(|dish| dish.order_types.contains(order_type));
        ORDER_TYPES.into_iter().filter(is_served).choose(chance).unwrap_or("takeout")
    }

    /// A line of an order of this type.
    pub(crate) fn line(&self, order_type: &str, quantity: u8, chance: &mut impl Rng) -> Option<Value> {
        let is_served = |dish: &&Dish| dish.order_types.contains(&order_type);
        self.dishes.iter().filter(is_served).choose(chance).map(|dish| dish.line(quantity))
    }
}

impl Dish {
    /// A line of an order.
    fn line(&self, quantity: u8) -> Value {
        let fields = self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        fields.chain([("quantity".to_owned(), json!(quantity))]).collect()
    }
}

impl From<Item> for Dish {
    fn from(item: Item) -> Self {
        let is_sold_for = |order_type: &&str| item.order_types.iter().any(|known| known == order_type);
        let order_types = ORDER_TYPES.into_iter().filter(is_sold_for).collect();
        Self { fields: vec![("item_id", json!(item.id))], order_types }
    }
}

/// Cents as a JSON number with two decimals, digit for digit.
fn price(cents: u32) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_without_a_dish_is_told_from_one_that_cannot_be_read() {
        let sold_out = r#"{"categories":[{"items":[{"id":"a","order_types":["takeout"],"sold_out":true}]}]}"#;
        for answer in [r#"{"categories":[]}"#, sold_out] {
            assert!(matches!(Menu::parse(answer), Err(MenuError::Empty)), "{answer}");
        }
        for answer in ["", "{}", r#"{"categories":[{"items":[{"id":"a"}]}]}"#] {
            assert!(matches!(Menu::parse(answer), Err(MenuError::Unreadable(_))), "{answer}");
        }
    }

    #[test]
    fn the_sample_order_is_of_what_can_be_taken_out() {
        let item =
            |id: &str, order_type: &str| json!({"id": id, "order_types": [order_type], "sold_out": false});
        let menu =
            |items: &[Value]| Menu::parse(&json!({"categories": [{"items": items}]}).to_string()).unwrap();
        let order = menu(&[item("a", "dine_in"), item("b", "takeout")]).sample_order().unwrap();
        assert_eq!(order["items"], json!([{"item_id": "b", "quantity": 1}]));
        assert_eq!(menu(&[item("a", "dine_in")]).sample_order(), None);
        let order = Menu::priced_by_guests().sample_order().unwrap().to_string();
        assert!(order.ends_with(r#"[{"name":"Margherita Pizza","price":11.99,"quantity":1}]}"#), "{order}");
    }
}
