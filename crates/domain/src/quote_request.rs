//! Parses the bodies of `POST /calculate_price` and `POST /check_inventory`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::basket::RequestedLine;
use crate::inventory::MAX_CHECKED;
use crate::json_body::{Location, Violations, item_object, items, readable};
use crate::place_order::{MAX_ITEMS, RawLine, Rejection, item_reference};
use crate::pricing::PricedLine;
use crate::{OrderType, Price};

const HINT: &str = "send a JSON object with items";

/// What a guest wants to know the price of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteRequest<Line> {
    /// 1 to 20 lines.
    pub lines: Vec<Line>,
    /// The type of the order; takeout if the body does not say.
    pub order_type: OrderType,
}

/// Parses a request for a quote while the menu is on. Prices are the menu's: one that is given is
/// not looked at.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_menu_quote(body: &[u8]) -> Result<QuoteRequest<RequestedLine>, Rejection> {
    parse(body, |index, raw, violations| {
        let item = item_reference(index, raw.item_id, raw.name, violations);
        let quantity = violations.integer(Location::ItemField(index, "quantity"), raw.quantity, 1, 10);
        Some(RequestedLine { item: item?, quantity: quantity?, price: None })
    })
}

/// Parses a request for a quote while the menu is off: each line says what a piece costs.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_quote(body: &[u8]) -> Result<QuoteRequest<PricedLine>, Rejection> {
    parse(body, |index, raw, violations| {
        let quantity = violations.integer::<u32>(Location::ItemField(index, "quantity"), raw.quantity, 1, 10);
        let price: Option<Price> = violations.price(Location::ItemField(index, "price"), raw.price);
        Some(PricedLine { item_id: None, category: None, price: price?, quantity: quantity? })
    })
}

/// An item, and how many pieces of it are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedItem {
    /// The id, which may be no id at all.
    pub item_id: String,
    /// Pieces, 1 to 10,000.
    pub quantity: u32,
}

/// Parses a request that asks what can be had.
///
/// # Errors
/// As [`crate::place_order::parse`].
pub fn parse_check(body: &[u8]) -> Result<Vec<CheckedItem>, Rejection> {
    let raw: RawRequest<'_> = readable(body, HINT).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let checked = items(raw.items, MAX_CHECKED, &mut violations, |index, raw, violations| {
        let raw: RawLine<'_> = item_object(index, raw, "item_id and quantity", violations)?;
        let item_id = violations.required(Location::ItemField(index, "item_id"), raw.item_id, "a string");
        let quantity = violations.integer(Location::ItemField(index, "quantity"), raw.quantity, 1, 10_000);
        Some(CheckedItem { item_id: item_id?, quantity: quantity? })
    });
    violations.judge(checked).map_err(Rejection::Invalid)
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(borrow)]
    order_type: Option<&'a RawValue>,
}

fn parse<Line>(
    body: &[u8],
    line: fn(usize, &RawLine<'_>, &mut Violations) -> Option<Line>,
) -> Result<QuoteRequest<Line>, Rejection> {
    let raw: RawRequest<'_> = readable(body, HINT).map_err(Rejection::Malformed)?;
    let mut violations = Violations::default();
    let order_type = raw.order_type.map_or(Some(OrderType::Takeout), |raw| {
        let named: String = violations.required(Location::Field("order_type"), Some(raw), "a string")?;
        let must_be = "must be one of 'dine_in', 'takeout', 'delivery'";
        named.parse().map_err(|_| violations.add(Location::Field("order_type"), must_be)).ok()
    });
    let lines = items(raw.items, MAX_ITEMS, &mut violations, |index, raw, violations| {
        let raw: RawLine<'_> = item_object(index, raw, "item_id and quantity", violations)?;
        line(index, &raw, violations)
    });
    let (lines, order_type) = violations.judge(lines.zip(order_type)).map_err(Rejection::Invalid)?;
    Ok(QuoteRequest { lines, order_type })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::basket::ItemReference;

    fn texts<T: std::fmt::Debug>(parsed: Result<T, Rejection>) -> Vec<String> {
        match parsed {
            Err(Rejection::Invalid(violations)) => violations.iter().map(ToString::to_string).collect(),
            other => panic!("not a list of violations: {other:?}"),
        }
    }

    #[test]
    fn a_quote_asks_for_lines_and_a_type() {
        let body = json!({"items": [{"item_id": "sushi-set", "quantity": 1, "price": 25.50}],
                          "order_type": "delivery"});
        let body = body.to_string().into_bytes();
        let on = parse_menu_quote(&body).unwrap();
        assert_eq!(on.order_type, OrderType::Delivery);
        let set = ItemReference::Id("sushi-set".to_owned());
        assert_eq!(on.lines, [RequestedLine { item: set, quantity: 1, price: None }]);
        let off = parse_quote(&body).unwrap();
        assert_eq!((off.lines[0].price.to_string().as_str(), off.lines[0].quantity), ("25.50", 1));
        let takeout = br#"{"items": [{"name": "Pho", "quantity": 2}]}"#;
        assert_eq!(parse_menu_quote(takeout).unwrap().order_type, OrderType::Takeout);
    }

    #[test]
    fn all_violations_are_reported() {
        let body = br#"{"items": [{"quantity": 0}], "order_type": "drone"}"#;
        assert_eq!(
            texts(parse_quote(body)),
            [
                "/order_type must be one of 'dine_in', 'takeout', 'delivery'",
                "/items/0/quantity must be an integer between 1 and 10",
                "/items/0/price is required",
            ]
        );
        assert_eq!(
            texts(parse_check(br#"{"items": [{"quantity": 10001}, {"item_id": "a", "quantity": 1.5}]}"#)),
            [
                "/items/0/item_id is required",
                "/items/0/quantity must be an integer between 1 and 10000",
                "/items/1/quantity must be an integer between 1 and 10000",
            ]
        );
        assert_eq!(texts(parse_check(b"{}")), ["/items is required"]);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_menu_quote(&body), parse_quote(&body), parse_check(&body));
        }
    }
}
