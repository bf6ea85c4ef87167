//! Parses the body of `POST /orders` into a valid order, or into a list of all its violations.
//!
//! The body is first split into unparsed fields ([`RawValue`]). Each field is then validated on its
//! own, so a wrong type in one never hides a fault in another.

mod menu_order;
mod request_body;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use self::menu_order::{MenuOrder, parse_menu_order};
pub(crate) use self::menu_order::{RawLine, item_reference};
pub use self::request_body::{RequestBody, parse_menu_request, parse_request};

pub use crate::json_body::Violation;
use crate::json_body::{Location, Violations, item_object, items, readable};
use crate::text_rules;
use crate::{Fulfilment, NewOrder, OrderItem, OrderType, Price};

/// The hint that follows every refusal of another kind of body.
const HINT: &str = "send a JSON object with customer_name, order_type and items";

/// The largest number of items in one order.
pub const MAX_ITEMS: usize = 20;

/// Why a body is not an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body cannot be parsed. The text completes a sentence that begins with "the body".
    #[error("the body {0}")]
    Malformed(String),
    /// The body can be parsed but breaks these rules. The list is complete.
    #[error("the order breaks {} rule{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Invalid(Vec<Violation>),
}

/// Parses and validates a body (specification, "Input Validation").
///
/// # Errors
/// [`Rejection::Malformed`] if the body is not one JSON object, else [`Rejection::Invalid`] with
/// every violation.
pub fn parse(body: &[u8]) -> Result<NewOrder, Rejection> {
    let raw: RawOrder<'_> = readable(body, HINT).map_err(Rejection::Malformed)?;

    let mut violations = Violations::default();
    let customer_name = raw.customer_name(&mut violations);
    let fulfilment = raw.fulfilment(&mut violations);
    let items = items(raw.items, MAX_ITEMS, &mut violations, item);
    let parsed = customer_name.zip(fulfilment).zip(items);
    let ((name, fulfilment), items) = violations.judge(parsed).map_err(Rejection::Invalid)?;
    Ok(NewOrder::new(name, fulfilment, items))
}

/// The fields of the body. `null` counts as absent, unknown fields are ignored, and a repeated
/// field makes the body malformed.
#[derive(Deserialize)]
struct RawOrder<'a> {
    #[serde(borrow)]
    customer_name: Option<&'a RawValue>,
    #[serde(borrow)]
    order_type: Option<&'a RawValue>,
    #[serde(borrow)]
    table_number: Option<&'a RawValue>,
    #[serde(borrow)]
    delivery_address: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawItem<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
}

impl RawOrder<'_> {
    fn customer_name(&self, violations: &mut Violations) -> Option<String> {
        violations.text(Location::Field("customer_name"), self.customer_name, text_rules::customer_name)
    }

    /// The order type together with the fields that depend on it.
    fn fulfilment(&self, violations: &mut Violations) -> Option<Fulfilment> {
        let order_type: String =
            violations.required(Location::Field("order_type"), self.order_type, "a string")?;
        let Ok(order_type) = order_type.parse::<OrderType>() else {
            violations.add(Location::Field("order_type"), "must be one of 'dine_in', 'takeout', 'delivery'");
            return None;
        };
        if order_type != OrderType::DineIn && self.table_number.is_some() {
            violations.add(
                Location::Field("table_number"),
                format_args!("must not be present in a {order_type} order"),
            );
        }
        if order_type != OrderType::Delivery && self.delivery_address.is_some() {
            violations.add(
                Location::Field("delivery_address"),
                format_args!("must not be present in a {order_type} order"),
            );
        }
        match order_type {
            OrderType::Takeout => Some(Fulfilment::Takeout),
            OrderType::DineIn => {
                let table_number =
                    violations.integer(Location::Field("table_number"), self.table_number, 1, 100)?;
                Some(Fulfilment::DineIn { table_number })
            }
            OrderType::Delivery => {
                let address = violations.text(
                    Location::Field("delivery_address"),
                    self.delivery_address,
                    text_rules::delivery_address,
                )?;
                Some(Fulfilment::Delivery { address })
            }
        }
    }
}

fn item(index: usize, raw: &RawValue, violations: &mut Violations) -> Option<OrderItem> {
    let raw: RawItem<'_> = item_object(index, raw, "name, quantity and price", violations)?;
    let name = violations.text(Location::ItemField(index, "name"), raw.name, text_rules::item_name);
    let quantity = violations.integer(Location::ItemField(index, "quantity"), raw.quantity, 1, 10);
    let price = violations.price(Location::ItemField(index, "price"), raw.price).map(Price::money);
    Some(OrderItem { name: name?, quantity: quantity?, price: price? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::Money;

    fn takeout() -> Value {
        json!({
            "customer_name": "Jane Doe",
            "order_type": "takeout",
            "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}]
        })
    }

    fn parse_json(body: &Value) -> Result<NewOrder, Rejection> {
        parse(body.to_string().as_bytes())
    }

    fn violations(body: &Value) -> Vec<String> {
        match parse_json(body) {
            Err(Rejection::Invalid(violations)) => violations.iter().map(ToString::to_string).collect(),
            other => panic!("not a list of violations: {other:?}"),
        }
    }

    #[test]
    fn the_specifications_order_passes() {
        let order = parse_json(&json!({
            "customer_name": "John Doe",
            "order_type": "takeout",
            "items": [
                {"name": "Margherita Pizza", "quantity": 1, "price": 15.99},
                {"name": "Caesar Salad", "quantity": 1, "price": 8.99}
            ]
        }))
        .unwrap();
        assert_eq!(order.total_amount, "24.98".parse().unwrap());
        assert_eq!(order.priority.get(), 1);
        assert_eq!(order.fulfilment, Fulfilment::Takeout);
    }

    #[test]
    fn null_counts_as_absent_and_unknown_fields_are_ignored() {
        let mut body = takeout();
        body["table_number"] = Value::Null;
        body["delivery_address"] = Value::Null;
        body["coupon"] = json!({"code": ["x"]});
        assert!(parse_json(&body).is_ok());
        body["customer_name"] = Value::Null;
        assert_eq!(violations(&body), ["/customer_name is required"]);
    }

    #[test]
    fn all_violations_are_reported() {
        let body = json!({
            "customer_name": "J@ne",
            "order_type": "dine_in",
            "delivery_address": "123 Main Street",
            "items": [
                {"name": "", "quantity": 11, "price": 0},
                {"quantity": "1", "price": "9.99"},
                7
            ]
        });
        assert_eq!(
            violations(&body),
            [
                "/customer_name must contain only letters, digits, spaces, hyphens and apostrophes, found '@'",
                "/delivery_address must not be present in a dine_in order",
                "/table_number is required",
                "/items/0/name must have 1 to 50 characters, has 0",
                "/items/0/quantity must be an integer between 1 and 10",
                "/items/0/price must be between 0.01 and 999.99",
                "/items/1/name is required",
                "/items/1/quantity must be an integer between 1 and 10",
                "/items/1/price must be a number between 0.01 and 999.99",
                "/items/2 must be an object with name, quantity and price, is a number",
            ]
        );
    }

    #[test]
    fn only_the_items_within_the_limit_are_judged() {
        let mut body = takeout();
        body["items"] = json!(vec![json!({"name": "x", "quantity": 0, "price": 1}); 21]);
        assert_eq!(violations(&body).len(), 21);
        body["items"] = json!([]);
        assert_eq!(violations(&body), ["/items must contain 1 to 20 items, has 0"]);
    }

    #[test]
    fn the_error_of_a_malformed_body_names_its_kind_and_position() {
        const AN_ORDER: &str = "send a JSON object with customer_name, order_type and items";
        const MARK: &str = "begins with a byte order mark: send it as UTF-8 without one";
        let unreadable = |why: &str| format!("is not a JSON object that can be read: {why}");
        let other = |kind: &str| format!("is {kind}: {AN_ORDER}");
        for (body, why) in [
            (&b""[..], other("empty")),
            (b" \t\r\n", other("empty")),
            (b"[]", other("an array")),
            (b" \"x\"", other("a string")),
            (b"null", other("null")),
            (b"false", other("true or false")),
            (b"-7", other("a number")),
            (b"\xef\xbb\xbf{}", MARK.to_owned()),
            (b"\xef\xbb\xbf", MARK.to_owned()),
            (b"\xff\xfe{\0}\0", MARK.to_owned()),
            (b"\xfe\xff\0{\0}", MARK.to_owned()),
            (b"[1,", unreadable("EOF while parsing a value at line 1 column 3")),
            (b"x", unreadable("expected value at line 1 column 1")),
            (b"{\"customer_name\": \"x\"", unreadable("EOF while parsing an object at line 1 column 21")),
            (b"{} x", unreadable("trailing characters at line 1 column 4")),
            (b"{\"items\":1,\"items\":2}", unreadable("duplicate field `items` at line 1 column 18")),
            (b"{\"a\":\"\xff\"}", unreadable("invalid UTF-8 after byte 6")),
            (b"\x1f\x8b\x08", unreadable("invalid UTF-8 after byte 1")),
        ] {
            assert_eq!(parse(body), Err(Rejection::Malformed(why)), "{:?}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn the_number_of_broken_rules_is_in_the_message() {
        let mut body = takeout();
        body["customer_name"] = Value::Null;
        assert_eq!(parse_json(&body).unwrap_err().to_string(), "the order breaks 1 rule");
        body["order_type"] = Value::Null;
        assert_eq!(parse_json(&body).unwrap_err().to_string(), "the order breaks 2 rules");
    }

    #[test]
    fn an_unpaired_surrogate_is_a_violation_of_its_field() {
        let body = takeout().to_string().replace("Jane Doe", "\\ud800");
        let Err(Rejection::Invalid(violations)) = parse(body.as_bytes()) else { panic!("accepted") };
        assert_eq!(violations.len(), 1);
        assert!(violations[0].detail.starts_with("must be a string: "), "{violations:?}");
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }

        #[test]
        fn no_json_panics(name in ".*", number in any::<f64>(), text in "\\PC*") {
            let mut body = takeout();
            body["customer_name"] = json!(name);
            body["items"][0]["price"] = json!(number);
            body["items"][0]["quantity"] = json!(number);
            body["order_type"] = json!(text);
            let _ = parse_json(&body);
        }

        #[test]
        fn every_valid_order_passes_with_the_exact_total(
            name in "[\\p{L}\\p{Nd}][\\p{L}\\p{Nd}'’-]{0,49}",
            lines in prop::collection::vec(("[\\p{L}\\p{N}\\p{P}\\p{S}]{1,50}", 1_u8..=10, 1_i64..=99_999), 1..=20),
        ) {
            // Some letters and symbols are invisible.
            let visible = |text: &str| {
                let shown = text.chars().filter(|c| text_rules::is_visible(*c));
                shown.chain(['x']).take(50).collect()
            };
            let name: String = visible(&name);
            let lines: Vec<(String, u8, i64)> =
                lines.iter().map(|(item, quantity, cents)| (visible(item), *quantity, *cents)).collect();
            let items = lines.iter().map(|(item, quantity, cents)| {
                format!("{{\"name\":{},\"quantity\":{quantity},\"price\":{}}}", json!(item), Money::from_cents(*cents))
            }).collect::<Vec<_>>().join(",");
            let body = format!("{{\"customer_name\":{},\"order_type\":\"takeout\",\"items\":[{items}]}}", json!(name));
            let order = parse(body.as_bytes()).unwrap();
            let cents = lines.iter().map(|(_, quantity, cents)| cents * i64::from(*quantity)).sum();
            prop_assert_eq!(order.total_amount, Money::from_cents(cents));
            prop_assert_eq!(order.items.len(), lines.len());
        }
    }
}
