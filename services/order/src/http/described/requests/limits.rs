//! The limits that the description tells are those of the parsers.

use domain::menu::parse_item;
use domain::{cancel_request, pause_request, place_order, quote_request, stock_edit};
use serde_json::{Value, json};
use utoipa::PartialSchema;

use super::*;

/// A limit of a member, as the description tells it.
fn limit<T: PartialSchema>(member: &str, keyword: &str) -> u64 {
    let schema = serde_json::to_value(T::schema()).unwrap();
    let limit = schema.pointer(&format!("/properties/{member}/{keyword}")).and_then(Value::as_u64);
    limit.unwrap_or_else(|| panic!("{member} has no {keyword}: {schema}"))
}

/// The parser takes what is at the limit, and refuses what is one beyond it.
fn holds<T: PartialSchema>(member: &str, keyword: &str, takes: impl Fn(u64) -> bool) {
    let limit = limit::<T>(member, keyword);
    let beyond = if keyword.starts_with("max") { limit + 1 } else { limit - 1 };
    assert!(takes(limit), "{member} {keyword} {limit}");
    assert!(!takes(beyond), "{member} {keyword} {beyond}");
}

fn long(length: u64) -> String {
    "x".repeat(usize::try_from(length).unwrap())
}

/// An order for a table whose member has this value.
fn takes_dine_in(member: &str, value: Value) -> bool {
    let line = json!({ "name": "Soup", "quantity": 1, "price": 9.00 });
    let mut order = json!({
        "customer_name": "Jane", "order_type": "dine_in", "table_number": 1, "items": [line],
    });
    order[member] = value;
    place_order::parse(order.to_string().as_bytes()).is_ok()
}

fn takes_line(member: &str, value: Value) -> bool {
    let mut line = json!({ "name": "Soup", "quantity": 1, "price": 9.00 });
    line[member] = value;
    takes_dine_in("items", json!([line]))
}

fn lines(count: u64) -> Value {
    (0..count).map(|place| json!({ "name": format!("Soup {place}"), "quantity": 1, "price": 9.00 })).collect()
}

fn takes_delivery_to(address: &str) -> bool {
    let order = json!({
        "customer_name": "Jane", "order_type": "delivery", "delivery_address": address, "items": lines(1),
    });
    place_order::parse(order.to_string().as_bytes()).is_ok()
}

#[test]
fn of_orders() {
    holds::<DineInOrder>("customer_name", "maxLength", |n| takes_dine_in("customer_name", long(n).into()));
    holds::<DineInOrder>("table_number", "minimum", |n| takes_dine_in("table_number", n.into()));
    holds::<DineInOrder>("table_number", "maximum", |n| takes_dine_in("table_number", n.into()));
    holds::<DineInOrder>("items", "minItems", |n| takes_dine_in("items", lines(n)));
    holds::<DineInOrder>("items", "maxItems", |n| takes_dine_in("items", lines(n)));
    holds::<DeliveryOrder>("delivery_address", "minLength", |n| takes_delivery_to(&long(n)));
    holds::<DeliveryOrder>("delivery_address", "maxLength", |n| takes_delivery_to(&long(n)));
    holds::<OrderLine>("name", "minLength", |n| takes_line("name", long(n).into()));
    holds::<OrderLine>("name", "maxLength", |n| takes_line("name", long(n).into()));
    holds::<OrderLine>("quantity", "minimum", |n| takes_line("quantity", n.into()));
    holds::<OrderLine>("quantity", "maximum", |n| takes_line("quantity", n.into()));
    holds::<Cancellation>("reason", "maxLength", |n| {
        cancel_request::parse(json!({ "reason": long(n) }).to_string().as_bytes()).is_ok()
    });
}

#[test]
fn of_questions() {
    let checks = |items: Value| quote_request::parse_check(json!({ "items": items }).to_string().as_bytes());
    let quotes = |items: Value| quote_request::parse_quote(json!({ "items": items }).to_string().as_bytes());
    let checked = |place: u64| json!({ "item_id": format!("soup-{place}"), "quantity": 1 });
    holds::<QuoteRequest>("items", "maxItems", |n| quotes(lines(n)).is_ok());
    holds::<InventoryCheckRequest>("items", "maxItems", |n| checks((0..n).map(checked).collect()).is_ok());
    holds::<CheckedLine>("quantity", "maximum", |n| {
        checks(json!([{ "item_id": "soup", "quantity": n }])).is_ok()
    });
}

#[test]
fn of_edits() {
    let takes_item = |member: &str, value: Value| {
        let mut item = json!({ "name": "Soup", "price": 9.00 });
        item[member] = value;
        parse_item(&"soup".parse().unwrap(), item.to_string().as_bytes()).is_ok()
    };
    holds::<MenuItemEdit>("name", "maxLength", |n| takes_item("name", long(n).into()));
    holds::<MenuItemEdit>("description", "maxLength", |n| takes_item("description", long(n).into()));
    holds::<MenuItemEdit>("position", "maximum", |n| takes_item("position", n.into()));
    let sets = |edit: Value| stock_edit::parse_left(edit.to_string().as_bytes()).is_ok();
    holds::<StockLeftEdit>("left", "maximum", |n| sets(json!({ "left": n })));
    holds::<StockLeftEdit>("changed_by", "maxLength", |n| sets(json!({ "left": 1, "changed_by": long(n) })));
    let adds = |edit: Value| stock_edit::parse_restock(edit.to_string().as_bytes()).is_ok();
    holds::<Restock>("quantity", "minimum", |n| adds(json!({ "quantity": n })));
    holds::<Restock>("quantity", "maximum", |n| adds(json!({ "quantity": n })));
    holds::<Restock>("changed_by", "maxLength", |n| adds(json!({ "quantity": 1, "changed_by": long(n) })));
    let pauses = |pause: Value| pause_request::parse(pause.to_string().as_bytes()).is_ok();
    holds::<Pause>("minutes", "minimum", |n| pauses(json!({ "minutes": n, "message": "Closed" })));
    holds::<Pause>("minutes", "maximum", |n| pauses(json!({ "minutes": n, "message": "Closed" })));
    holds::<Pause>("message", "maxLength", |n| pauses(json!({ "minutes": 5, "message": long(n) })));
}
