//! The body of a message that asks for an order: that of `POST /orders`, or the shorter one that
//! names a user and items by their ids.

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::menu_order::{RawLine, line};
use super::{MAX_ITEMS, MenuOrder, RawOrder, Violation, Violations};
use crate::json_body::{Location, item_object, items, readable};
use crate::order_request::{OrderRequestId, ParseRequestIdError};
use crate::{Fulfilment, NewOrder, OrderItem, OrderType, Price, text_rules};

const HINT: &str = "send a JSON object with items, and a user_id or a customer_name";

/// A request for an order. What it wants is valid, or every violation is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestBody<Order> {
    /// How the sender names the request; `None`: it leaves that to the message.
    pub order_id: Option<OrderRequestId>,
    /// The order. It keeps every rule of `POST /orders`.
    pub order: Result<Order, Vec<Violation>>,
}

/// Parses and validates the body of a message while the menu is off. An item without a `name` has
/// its `item_id` for a name.
///
/// # Errors
/// It is not one JSON object. The text completes a sentence that begins with "the body".
pub fn parse_request(body: &[u8]) -> Result<RequestBody<NewOrder>, String> {
    parse(body, item, NewOrder::new)
}

/// As [`parse_request`] while the menu is on.
///
/// # Errors
/// As [`parse_request`].
pub fn parse_menu_request(body: &[u8]) -> Result<RequestBody<MenuOrder>, String> {
    parse(body, line, |customer_name, fulfilment, lines| MenuOrder { customer_name, fulfilment, lines })
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(borrow)]
    order_id: Option<&'a RawValue>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
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

fn parse<Item, Order>(
    body: &[u8],
    item: fn(usize, &RawValue, &mut Violations) -> Option<Item>,
    order: impl Fn(String, Fulfilment, Vec<Item>) -> Order,
) -> Result<RequestBody<Order>, String> {
    let raw: RawRequest<'_> = readable(body, HINT)?;
    let mut violations = Violations::default();
    let order_id = raw.order_id(&mut violations);
    let customer_name = raw.customer_name(&mut violations);
    let takeout = to_raw_value(OrderType::Takeout.as_str()).map_err(|why| why.to_string())?;
    let fields = RawOrder {
        customer_name: None,
        order_type: raw.order_type.or(Some(&takeout)),
        table_number: raw.table_number,
        delivery_address: raw.delivery_address,
        items: None,
    };
    let fulfilment = fields.fulfilment(&mut violations);
    let items = items(raw.items, MAX_ITEMS, &mut violations, item);
    let order = violations
        .judge(customer_name.zip(fulfilment).zip(items))
        .map(|((name, fulfilment), items)| order(name, fulfilment, items));
    Ok(RequestBody { order_id, order })
}

impl RawRequest<'_> {
    /// `None` if there is none, or if it is no id; the latter is a violation.
    fn order_id(&self, violations: &mut Violations) -> Option<OrderRequestId> {
        let at = Location::Field("order_id");
        let text: String = violations.required(at, Some(self.order_id?), "a string")?;
        let parsed = text.parse().map_err(|why: ParseRequestIdError| violations.add(at, why));
        parsed.ok()
    }

    fn customer_name(&self, violations: &mut Violations) -> Option<String> {
        let (field, raw) = match (self.customer_name, self.user_id) {
            (None, Some(user_id)) => ("user_id", Some(user_id)),
            (customer_name, _) => ("customer_name", customer_name),
        };
        violations.text(Location::Field(field), raw, text_rules::customer_name)
    }
}

fn item(index: usize, raw: &RawValue, violations: &mut Violations) -> Option<OrderItem> {
    let raw: RawLine<'_> = item_object(index, raw, "name or item_id, quantity and price", violations)?;
    let (field, name) = match (raw.name, raw.item_id) {
        (None, Some(item_id)) => ("item_id", Some(item_id)),
        (name, _) => ("name", name),
    };
    let name = violations.text(Location::ItemField(index, field), name, text_rules::item_name);
    let quantity = violations.integer(Location::ItemField(index, "quantity"), raw.quantity, 1, 10);
    let price = violations.price(Location::ItemField(index, "price"), raw.price).map(Price::money);
    Some(OrderItem { name: name?, quantity: quantity?, price: price? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::basket::ItemReference;

    const SHORT: &[u8] = br#"{"user_id": "user-001", "items": [
        {"item_id": "sushi-set", "quantity": 1, "price": 25.50}, {"item_id": "pho-bo", "quantity": 2, "price": 9.00}]}"#;

    fn violations(body: &str) -> Vec<String> {
        let parsed = parse_request(body.as_bytes()).unwrap();
        parsed.order.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_short_body_is_a_takeout_order_of_its_user() {
        let off = parse_request(SHORT).unwrap();
        assert_eq!(off.order_id, None);
        let order = off.order.unwrap();
        assert_eq!((order.customer_name.as_str(), &order.fulfilment), ("user-001", &Fulfilment::Takeout));
        assert_eq!(order.total_amount, "43.50".parse().unwrap());
        assert_eq!(order.items[0].name, "sushi-set");
        let on = parse_menu_request(SHORT).unwrap().order.unwrap();
        assert_eq!(on.lines[1].item, ItemReference::Id("pho-bo".to_owned()));
        assert_eq!(on.lines[1].price, Some("9.00".parse().unwrap()));
    }

    #[test]
    fn the_body_of_http_is_the_same_order() {
        let body = br#"{"customer_name": "Jane Doe", "order_type": "dine_in", "table_number": 5,
            "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}]}"#;
        assert_eq!(parse_request(body).unwrap().order, Ok(super::super::parse(body).unwrap()));
        let menu = super::super::parse_menu_order(body).unwrap();
        assert_eq!(parse_menu_request(body).unwrap().order, Ok(menu));
    }

    #[test]
    fn a_name_goes_before_the_user_and_before_the_id() {
        let body = br#"{"user_id": "user-001", "customer_name": "Jane Doe", "order_id": null,
            "items": [{"item_id": "pho-bo", "name": "Pho", "quantity": 1, "price": 9}]}"#;
        let order = parse_request(body).unwrap().order.unwrap();
        assert_eq!((order.customer_name.as_str(), order.items[0].name.as_str()), ("Jane Doe", "Pho"));
    }

    #[test]
    fn all_violations_are_reported_where_they_are() {
        let body = r#"{"order_id": "7", "user_id": "u@1", "table_number": 3,
            "items": [{"item_id": "", "quantity": 0}, {"quantity": 1, "price": 1}]}"#;
        assert_eq!(
            violations(body),
            [
                "/order_id must be a UUID such as 019ab6ce-5d80-7c3e-8f12-3456789abcde",
                "/user_id must contain only letters, digits, spaces, hyphens and apostrophes, found '@'",
                "/table_number must not be present in a takeout order",
                "/items/0/item_id must have 1 to 50 characters, has 0",
                "/items/0/quantity must be an integer between 1 and 10",
                "/items/0/price is required",
                "/items/1/name is required",
            ]
        );
        assert_eq!(violations("{}"), ["/customer_name is required", "/items is required"]);
    }

    #[test]
    fn what_is_no_object_cannot_be_read() {
        for body in [&b""[..], b"[]", b"7", b"\xff", b"{\"items\":", b"{\"user_id\":1,\"user_id\":2}"] {
            assert!(parse_request(body).is_err() && parse_menu_request(body).is_err(), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
            let _ = (parse_request(&body), parse_menu_request(&body));
            let body = serde_json::json!({"order_id": text, "user_id": text, "items": [{"item_id": text}]});
            let body = body.to_string().into_bytes();
            let _ = (parse_request(&body), parse_menu_request(&body));
        }
    }
}
