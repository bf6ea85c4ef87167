//! Parses the body of `PUT /menu/items/{id}` into an item, or into a list of all its violations.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::category::Category;
use super::item::{MAX_POSITION, MenuItem};
use super::item_id::MenuItemId;
use super::sold_out::SoldOutUntil;
use crate::json_body::{Location, Violation, Violations, readable};
use crate::order_types::ParseOrderTypesError;
use crate::text_rules;
use crate::{OrderType, OrderTypes};

/// The hint that follows every refusal of another kind of body.
const HINT: &str = "send a JSON object with name and price";

/// Why a body is not an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditRejection {
    /// The body cannot be parsed. The text completes a sentence that begins with "the body".
    #[error("the body {0}")]
    Malformed(String),
    /// The body can be parsed but breaks these rules. The list is complete.
    #[error("the item breaks {} rule{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Invalid(Vec<Violation>),
}

/// Parses the item that a body describes. The id is that of the path. What is left out has its
/// default: an item is replaced, not changed.
///
/// # Errors
/// [`EditRejection::Malformed`] if the body is not one JSON object, else [`EditRejection::Invalid`]
/// with every violation.
pub fn parse_item(id: &MenuItemId, body: &[u8]) -> Result<MenuItem, EditRejection> {
    let raw: RawItem<'_> = readable(body, HINT).map_err(EditRejection::Malformed)?;
    let mut violations = Violations::default();
    let item = raw.item(id, &mut violations);
    violations.judge(item).map_err(EditRejection::Invalid)
}

/// The fields of the body. `null` counts as absent, unknown fields are ignored, and a repeated
/// field makes the body malformed.
#[derive(Deserialize)]
struct RawItem<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    category: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    order_types: Option<&'a RawValue>,
    #[serde(borrow)]
    available: Option<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(borrow)]
    sold_out_until: Option<&'a RawValue>,
}

impl RawItem<'_> {
    fn item(&self, id: &MenuItemId, violations: &mut Violations) -> Option<MenuItem> {
        if self.id.is_some() {
            let named: Option<String> = violations.required(Location::Field("id"), self.id, "a string");
            if named.is_some_and(|named| named != id.as_str()) {
                let detail = format_args!("must be '{id}', as in the path, or be left out");
                violations.add(Location::Field("id"), detail);
            }
        }
        let name = violations.text(Location::Field("name"), self.name, text_rules::item_name);
        let description = self.description.and_then(|raw| {
            violations.text(Location::Field("description"), Some(raw), text_rules::item_description)
        });
        let category = self.category.and_then(|raw| category(raw, violations));
        let price = violations.price(Location::Field("price"), self.price);
        let order_types = self.order_types.and_then(|raw| order_types(raw, violations));
        let available = self
            .available
            .and_then(|raw| violations.required(Location::Field("available"), Some(raw), "true or false"));
        let position = self
            .position
            .and_then(|raw| violations.integer(Location::Field("position"), Some(raw), 0, MAX_POSITION));
        let sold_out_until = self.sold_out_until.and_then(|raw| sold_out_until(raw, violations));
        Some(MenuItem {
            id: id.clone(),
            name: name?,
            description: description.unwrap_or_default(),
            category: category.unwrap_or_default(),
            price: price?,
            order_types: order_types.unwrap_or_default(),
            available: available.unwrap_or(true),
            position: position.unwrap_or_default(),
            sold_out_until,
        })
    }
}

fn category(raw: &RawValue, violations: &mut Violations) -> Option<Category> {
    let location = Location::Field("category");
    let text: String = violations.required(location, Some(raw), "a string")?;
    text.parse().map_err(|why| violations.add(location, why)).ok()
}

fn order_types(raw: &RawValue, violations: &mut Violations) -> Option<OrderTypes> {
    let location = Location::Field("order_types");
    let Ok(names) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        violations.add(location, "must be an array");
        return None;
    };
    if names.is_empty() {
        violations.add(location, ParseOrderTypesError::Empty);
        return None;
    }
    let mut types = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        match serde_json::from_str::<OrderType>(name.get()) {
            Ok(order_type) => types.push(order_type),
            Err(_) => violations.add(
                Location::Element("order_types", index),
                "must be one of 'dine_in', 'takeout', 'delivery'",
            ),
        }
    }
    OrderTypes::of(&types)
}

fn sold_out_until(raw: &RawValue, violations: &mut Violations) -> Option<SoldOutUntil> {
    let location = Location::Field("sold_out_until");
    let text: String = violations.required(location, Some(raw), "a string")?;
    text.parse().map_err(|why| violations.add(location, why)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parse(body: &Value) -> Result<MenuItem, EditRejection> {
        parse_item(&"pho-bo".parse().unwrap(), body.to_string().as_bytes())
    }

    fn violations(body: &Value) -> Vec<String> {
        match parse(body) {
            Err(EditRejection::Invalid(violations)) => violations.iter().map(ToString::to_string).collect(),
            other => panic!("not a list of violations: {other:?}"),
        }
    }

    #[test]
    fn name_and_price_are_enough_and_null_counts_as_absent() {
        let item = parse(&json!({"name": "Phở bò", "price": 9.5})).unwrap();
        assert_eq!((item.id.as_str(), item.category.as_str(), item.position), ("pho-bo", "Other", 0));
        assert!(item.available && item.order_types == OrderTypes::ALL && item.sold_out_until.is_none());
        let nulls = json!({
            "id": null, "name": "Phở bò", "description": null, "category": null, "price": 9.5,
            "order_types": null, "available": null, "position": null, "sold_out_until": null,
        });
        assert_eq!(parse(&nulls), Ok(item));
        assert_eq!(violations(&json!({})), ["/name is required", "/price is required"]);
    }

    #[test]
    fn what_the_api_shows_can_be_sent_back() {
        let body = json!({
            "id": "pho-bo", "name": "Phở bò", "description": "Beef, rice noodles", "category": "Soups",
            "price": 9.5, "order_types": ["takeout", "dine_in"], "available": false, "position": 10_000,
            "sold_out_until": "2026-12-31T23:00:00.000Z", "sold_out": true,
        });
        let item = parse(&body).unwrap();
        let shown = serde_json::to_value(&item).unwrap();
        assert_eq!(parse(&shown), Ok(item));
        assert_eq!(shown["sold_out_until"], "2026-12-31T23:00:00.000Z");
        assert_eq!(shown["order_types"], json!(["dine_in", "takeout"]));
    }

    #[test]
    fn all_violations_are_reported() {
        let body = json!({
            "id": "margherita", "name": "", "description": "a\nb", "category": " Soups", "price": "9.50",
            "order_types": ["takeout", "drone", 1], "available": "yes", "position": -1,
            "sold_out_until": "end_of_day",
        });
        assert_eq!(
            violations(&body),
            [
                "/id must be 'pho-bo', as in the path, or be left out",
                "/name must have 1 to 50 characters, has 0",
                "/description must contain only printable characters, found '\\n'",
                "/category must not begin or end with a space",
                "/price must be a number between 0.01 and 999.99",
                "/order_types/1 must be one of 'dine_in', 'takeout', 'delivery'",
                "/order_types/2 must be one of 'dine_in', 'takeout', 'delivery'",
                "/available must be true or false",
                "/position must be an integer between 0 and 10000",
                "/sold_out_until must be a time such as 2026-12-31T23:00:00Z, or 'further_notice'",
            ]
        );
    }

    #[test]
    fn wrong_kinds_and_numbers() {
        for (field, value, violation) in [
            ("id", json!(7), "/id must be a string"),
            ("name", json!(7), "/name must be a string"),
            ("category", json!([]), "/category must be a string"),
            ("price", json!(1000), "/price must be between 0.01 and 999.99"),
            ("order_types", json!("takeout"), "/order_types must be an array"),
            ("order_types", json!([]), "/order_types names no order type (leave it out for all of them)"),
            ("position", json!(1.5), "/position must be an integer between 0 and 10000"),
            ("position", json!(65_537), "/position must be an integer between 0 and 10000"),
            ("sold_out_until", json!(true), "/sold_out_until must be a string"),
        ] {
            let mut body = json!({"name": "Pho", "price": 1});
            body[field] = value;
            assert_eq!(violations(&body), [violation]);
        }
        let precise = parse_item(&"a".parse().unwrap(), br#"{"name":"A","price":1.005}"#).unwrap_err();
        let EditRejection::Invalid(violations) = precise else { panic!("{precise}") };
        assert_eq!(violations[0].to_string(), "/price must have at most two decimals");
    }

    #[test]
    fn a_malformed_body_is_refused_as_a_whole() {
        for (body, why) in [
            ("", "the body is empty: send a JSON object with name and price"),
            ("[]", "the body is an array: send a JSON object with name and price"),
            (
                "{\"name\":1,\"name\":2}",
                "the body is not a JSON object that can be read: duplicate field `name` at line 1 column 16",
            ),
        ] {
            let refused = parse_item(&"a".parse().unwrap(), body.as_bytes()).unwrap_err();
            assert_eq!(refused.to_string(), why);
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_item(&"a".parse().unwrap(), &body);
        }
    }
}
