//! How OpenAPI describes the types that are one JSON value each. Types with fields derive it.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::label::Label;
use crate::menu::{Category, LONGEST_ID, MenuItemId, SoldOutUntil};
use crate::pricing::RuleId;
use crate::timestamp::Timestamp;
use crate::{Money, OrderNumber, OrderRequestId, OrderType, OrderTypes, Price, RequestStatus};

/// Items and price rules share it: see `menu::is_id`.
const ID_PATTERN: &str = "^[a-z0-9][a-z0-9-]{0,63}$";
const _: () = assert!(LONGEST_ID == 64);

/// Says how these types are called and described.
macro_rules! described {
    ($($described:ty, $name:literal: $schema:expr;)*) => {$(
        impl PartialSchema for $described {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $described {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

described! {
    OrderNumber, "OrderNumber": text("A day (UTC), and the order's position in it.")
        .pattern(Some("^ORD_[0-9]{8}_[0-9]{3,10}$"))
        .examples(["ORD_20261130_001"]);
    Timestamp, "Timestamp": text("A moment (RFC 3339), in UTC and with milliseconds.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-30T08:04:21.453Z"]);
    Money, "Money": number("An amount with two decimals.");
    Price, "Price": number("An amount of 0.01 to 999.99.").minimum(Some(0.01)).maximum(Some(999.99));
    MenuItemId, "MenuItemId": text("Names an item of the menu.")
        .pattern(Some(ID_PATTERN))
        .examples(["pho-bo"]);
    RuleId, "RuleId": text("Names a price rule.").pattern(Some(ID_PATTERN));
    Label, "Label": text("One line for people to read.").min_length(Some(1)).max_length(Some(50));
    Category, "Category": text("A heading of the menu.")
        .min_length(Some(1))
        .max_length(Some(50))
        .examples(["Soups"]);
    SoldOutUntil, "SoldOutUntil": OneOfBuilder::new()
        .item(text("Until the staff brings it back.").enum_values(Some([SoldOutUntil::FurtherNotice.to_string()])))
        .item(Timestamp::schema());
    OrderRequestId, "OrderRequestId": text("The client's id of an order by message (a UUID).")
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .examples(["019ab6ce-5d80-7c3e-8f12-3456789abcde"]);
    RequestStatus, "RequestStatus": text("How far an order by message is.")
        .enum_values(Some(Self::ALL.map(Self::as_str)));
}

impl PartialSchema for OrderTypes {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Ref::from_schema_name(OrderType::name())).min_items(Some(1)).into()
    }
}

impl ToSchema for OrderTypes {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((OrderType::name().into(), OrderType::schema()));
    }
}

fn text(description: &'static str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).description(Some(description))
}

fn number(description: &'static str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Number)).description(Some(description))
}
