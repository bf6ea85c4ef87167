//! The bodies that this service takes, as its description tells them. `domain` parses the real ones
//! field by field, so that it can name every fault. `null` counts as absent, and unknown members
//! are ignored.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail")]
mod limits;

use domain::menu::{Category, SoldOutUntil};
use domain::timestamp::Timestamp;
use domain::{MenuItemId, OrderType, OrderTypes, Price};
use http_service::openapi::{one_of, text};
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema as _, ToSchema};

/// An order.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Order {
    DineIn(DineInOrder),
    Takeout(TakeoutOrder),
    Delivery(DeliveryOrder),
}

/// An order for a table.
#[derive(Serialize, ToSchema)]
pub struct DineInOrder {
    #[schema(schema_with = customer_name)]
    pub customer_name: &'static str,
    #[schema(schema_with = dine_in)]
    pub order_type: OrderType,
    #[schema(minimum = 1, maximum = 100)]
    pub table_number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = nothing, required = false)]
    pub delivery_address: Option<&'static str>,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<OrderLine>,
}

/// An order that its guest fetches.
#[derive(Serialize, ToSchema)]
pub struct TakeoutOrder {
    #[schema(schema_with = customer_name)]
    pub customer_name: &'static str,
    #[schema(schema_with = takeout)]
    pub order_type: OrderType,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = nothing, required = false)]
    pub table_number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = nothing, required = false)]
    pub delivery_address: Option<&'static str>,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<OrderLine>,
}

/// An order that is brought.
#[derive(Serialize, ToSchema)]
pub struct DeliveryOrder {
    #[schema(schema_with = customer_name)]
    pub customer_name: &'static str,
    #[schema(schema_with = delivery)]
    pub order_type: OrderType,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = nothing, required = false)]
    pub table_number: Option<u32>,
    #[schema(min_length = 10, max_length = 500)]
    pub delivery_address: &'static str,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<OrderLine>,
}

/// Pieces of one item. While the menu is on (`menu.mode`), the item is named by `item_id`, by
/// `name`, or by both; a price is what the guest expects, and may be left out. While it is off,
/// `name` and `price` are needed.
#[derive(Serialize, ToSchema)]
pub struct OrderLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 50)]
    pub name: Option<&'static str>,
    #[schema(minimum = 1, maximum = 10)]
    pub quantity: u32,
    /// At most two decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What is to be priced. While the menu is on, a price in a line is not looked at.
#[derive(Serialize, ToSchema)]
pub struct QuoteRequest {
    /// `takeout`, unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_type: Option<OrderType>,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<OrderLine>,
}

/// Items, and how many of each are wanted.
#[derive(Serialize, ToSchema)]
pub struct InventoryCheckRequest {
    #[schema(min_items = 1, max_items = 100)]
    pub items: Vec<CheckedLine>,
}

#[derive(Serialize, ToSchema)]
pub struct CheckedLine {
    pub item_id: &'static str,
    #[schema(minimum = 1, maximum = 10_000)]
    pub quantity: u32,
}

/// Why an order is cancelled. No body: no reason.
#[derive(Serialize, ToSchema)]
pub struct Cancellation {
    /// Goes into the order's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub reason: Option<&'static str>,
}

/// An item of the menu. What is left out has its default: an item is replaced, not changed.
#[derive(Serialize, ToSchema)]
pub struct MenuItemEdit {
    /// As in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MenuItemId>,
    /// Unique on the menu.
    #[schema(min_length = 1, max_length = 50)]
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub description: Option<&'static str>,
    /// `Other`, unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Of one piece, with at most two decimals.
    pub price: Price,
    /// All of them, unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_types: Option<OrderTypes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Its place on the menu.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10_000)]
    pub position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sold_out_until: Option<SoldOutUntil>,
}

/// Until when an item is sold out. No body: for the rest of the day.
#[derive(Serialize, ToSchema)]
pub struct SoldOutMark {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = end_of_mark, required = false)]
    pub until: Option<&'static str>,
}

/// What is left of an item.
#[derive(Serialize, ToSchema)]
pub struct StockLeftEdit {
    /// `null`: unlimited.
    #[schema(required, minimum = 0, maximum = 1_000_000_000)]
    pub left: Option<u32>,
    /// Who counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 50)]
    pub changed_by: Option<&'static str>,
}

/// What comes in of an item.
#[derive(Serialize, ToSchema)]
pub struct Restock {
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub quantity: u32,
    /// Who brought it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 50)]
    pub changed_by: Option<&'static str>,
}

/// For how long no orders are taken, and what guests are told.
#[derive(Serialize, ToSchema)]
pub struct Pause {
    #[schema(minimum = 1, maximum = 1_440)]
    pub minutes: u32,
    #[schema(min_length = 1, max_length = 200)]
    pub message: &'static str,
}

fn customer_name() -> Object {
    text()
        .description(Some("Letters of any script, digits, spaces, hyphens and apostrophes."))
        .min_length(Some(1))
        .max_length(Some(100))
        .build()
}

fn dine_in() -> Object {
    only(OrderType::DineIn)
}

fn takeout() -> Object {
    only(OrderType::Takeout)
}

fn delivery() -> Object {
    only(OrderType::Delivery)
}

fn only(order_type: OrderType) -> Object {
    one_of([order_type.as_str()])
}

/// A word, a moment, or `null` for the end of the day.
fn end_of_mark() -> Schema {
    let word = one_of(["end_of_day", "further_notice"]);
    OneOfBuilder::new().item(word).item(Timestamp::schema()).item(nothing()).into()
}

/// This type of order has no such field.
fn nothing() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Null)).build()
}
