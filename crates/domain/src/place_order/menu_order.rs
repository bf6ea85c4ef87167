//! A body whose items are on the menu: they name themselves, and need no price.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{HINT, MAX_ITEMS, RawOrder, Rejection};
use crate::basket::{ItemReference, RequestedLine};
use crate::json_body::{Location, Violations, item_object, items, readable};
use crate::{Fulfilment, Price, text_rules};

/// An order that keeps every rule but those of the menu: it has no price yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuOrder {
    /// The customer's name.
    pub customer_name: String,
    /// How the customer gets the food.
    pub fulfilment: Fulfilment,
    /// 1 to 20 lines.
    pub lines: Vec<RequestedLine>,
}

/// Parses and validates a body while the menu is on. Each item has an `item_id` or a `name`, or
/// both, and may leave out its price.
///
/// # Errors
/// As [`super::parse`].
pub fn parse_menu_order(body: &[u8]) -> Result<MenuOrder, Rejection> {
    let raw: RawOrder<'_> = readable(body, HINT).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let customer_name = raw.customer_name(&mut violations);
    let fulfilment = raw.fulfilment(&mut violations);
    let lines = items(raw.items, MAX_ITEMS, &mut violations, line);
    let parsed = customer_name.zip(fulfilment).zip(lines);
    let ((customer_name, fulfilment), lines) = violations.judge(parsed).map_err(Rejection::Invalid)?;
    Ok(MenuOrder { customer_name, fulfilment, lines })
}

/// The fields of a line that may name its item by its id.
#[derive(Deserialize)]
pub(crate) struct RawLine<'a> {
    #[serde(borrow)]
    pub(crate) item_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) price: Option<&'a RawValue>,
}

pub(super) fn line(index: usize, raw: &RawValue, violations: &mut Violations) -> Option<RequestedLine> {
    let raw: RawLine<'_> = item_object(index, raw, "item_id or name, and quantity", violations)?;
    let at = |field| Location::ItemField(index, field);
    let item = item_reference(index, raw.item_id, raw.name, violations);
    let quantity = violations.integer(at("quantity"), raw.quantity, 1, 10);
    let price = raw.price.map(|price| violations.price(at("price"), Some(price)).map(Price::money));
    let price = price.map_or(Some(None), |price| price.map(Some));
    Some(RequestedLine { item: item?, quantity: quantity?, price: price? })
}

/// How a line names its item.
pub(crate) fn item_reference(
    index: usize,
    id: Option<&RawValue>,
    name: Option<&RawValue>,
    violations: &mut Violations,
) -> Option<ItemReference> {
    let at = |field| Location::ItemField(index, field);
    let id = id.map(|id| violations.required::<String>(at("item_id"), Some(id), "a string"));
    let name = name.map(|name| violations.text(at("name"), Some(name), text_rules::item_name));
    match (id, name) {
        (Some(id), Some(name)) => id.zip(name).map(|(id, name)| ItemReference::Both { id, name }),
        (Some(id), None) => id.map(ItemReference::Id),
        (None, Some(name)) => name.map(ItemReference::Name),
        (None, None) => {
            violations.add(at("item_id"), "is required, or a name: the menu has both (GET /menu)");
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn with_items(items: &Value) -> Vec<u8> {
        let body = json!({"customer_name": "Jane Doe", "order_type": "takeout", "items": items});
        body.to_string().into_bytes()
    }

    fn violations(items: &Value) -> Vec<String> {
        match parse_menu_order(&with_items(items)) {
            Err(Rejection::Invalid(violations)) => violations.iter().map(ToString::to_string).collect(),
            other => panic!("not a list of violations: {other:?}"),
        }
    }

    #[test]
    fn an_item_is_named_by_id_by_name_or_by_both() {
        let items = json!([
            {"item_id": "pho-bo", "quantity": 2},
            {"name": "Margherita", "quantity": 1, "price": 9.5},
            {"item_id": "No Such Id", "name": "Lemonade", "quantity": 1, "price": null},
        ]);
        let order = parse_menu_order(&with_items(&items)).unwrap();
        let line = |item, quantity, price: Option<&str>| RequestedLine {
            item,
            quantity,
            price: price.map(|price| price.parse().unwrap()),
        };
        let both = ItemReference::Both { id: "No Such Id".to_owned(), name: "Lemonade".to_owned() };
        assert_eq!(
            order.lines,
            [
                line(ItemReference::Id("pho-bo".to_owned()), 2, None),
                line(ItemReference::Name("Margherita".to_owned()), 1, Some("9.50")),
                line(both, 1, None),
            ]
        );
    }

    #[test]
    fn all_violations_are_reported() {
        let items = json!([
            {"quantity": 1},
            {"item_id": 7, "name": "", "quantity": 0, "price": "9.99"},
            {"item_id": "a", "price": 1000},
            "pho-bo",
        ]);
        assert_eq!(
            violations(&items),
            [
                "/items/0/item_id is required, or a name: the menu has both (GET /menu)",
                "/items/1/item_id must be a string",
                "/items/1/name must have 1 to 50 characters, has 0",
                "/items/1/quantity must be an integer between 1 and 10",
                "/items/1/price must be a number between 0.01 and 999.99",
                "/items/2/quantity is required",
                "/items/2/price must be between 0.01 and 999.99",
                "/items/3 must be an object with item_id or name, and quantity, is a string",
            ]
        );
        assert_eq!(violations(&json!([])), ["/items must contain 1 to 20 items, has 0"]);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
            let _ = parse_menu_order(&body);
            let _ = parse_menu_order(&with_items(&json!([{"item_id": text, "name": text, "quantity": 1}])));
        }
    }
}
