//! What handlers say of themselves beside their code: parameters, and how they refuse.

use domain::estimate::Basis;
use domain::order_request::ParseRequestIdError;
use domain::{OrderRequestId, OrderStatus, OrderType, RequestId};
use http_service::Problem;
use http_service::openapi::{Refused, failed, in_path, one_of, text, too_many};
use http_service::problem::nothing_at;
use http_service::staff::refused_to_others;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Object, RefOr, Required, Schema, SchemaFormat};
use utoipa::{IntoParams, PartialSchema as _};

use super::orders_query::{self, DEFAULT_LIMIT, MAX_LIMIT, MAX_TEXT};
use super::problems;
use crate::events::Position;

http_service::refusals! {
    /// Of an order.
    UnknownOrder: [unknown_order(), failed()];
    /// Of an order by message.
    UnknownRequest: [unknown_request(), no_request_id(), failed()];
    /// Of the whole of an order.
    OneOrderRefused:
        refused_to_others([unknown_order(), refused("wrong_token", problems::wrong_token)]), page: [404];
    /// Of the page of an order.
    NoOrderPage: [refused("no_page", |id| nothing_at("/track/ORD_20261130_999", id))], page: [404];
    /// Of a list.
    ListRefused: refused_to_others([wrong_parameters()]);
    /// Of an order's stream.
    StreamRefused: [unknown_order(), too_many(), failed()];
    /// Of the stream of all orders.
    AllOrdersStreamRefused: refused_to_others(bad_position().into_iter().chain([too_many()]));
}

/// The words of an estimate's basis.
pub fn basis() -> Object {
    one_of([Basis::Measured.as_str(), Basis::Configured.as_str()])
}

/// Whether a worker is there.
pub fn worker_status() -> Object {
    one_of(["online", "offline"])
}

fn refused(name: &'static str, problem: impl FnOnce(&RequestId) -> Problem) -> Refused {
    Refused::new(name, problem(&Refused::request_id()))
}

fn unknown_order() -> Refused {
    refused("unknown_order", |id| problems::unknown_order("ORD_20261130_999", id))
}

fn unknown_request() -> Refused {
    refused("unknown_request", |id| problems::unknown_request("019ab6ce-5d80-7c3e-8f12-3456789abcde", id))
}

fn no_request_id() -> Refused {
    refused("no_request_id", |id| problems::no_request_id("1234", ParseRequestIdError, id))
}

fn wrong_parameters() -> Refused {
    let violations = orders_query::parse("limit=0&status=raw").err().unwrap_or_default();
    refused("wrong_parameters", |id| problems::wrong_parameters(&violations, id))
}

fn bad_position() -> Option<Refused> {
    let shown = "yesterday";
    let why = shown.parse::<Position>().err()?;
    Some(refused("bad_position", |id| problems::bad_position(shown, &why, id)))
}

http_service::parameters! {
    /// `{order_id}` in the path.
    RequestIdInPath: in_path::<OrderRequestId>(
        "order_id",
        "The client's id of the order: its `order_id` or `message_id`.",
    );
}

/// The parameters of `GET /orders`.
pub struct ListParameters;

impl IntoParams for ListParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.into()));
        let moment = || text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        vec![
            several("status", "Orders of these statuses.", OrderStatus::schema()),
            several("type", "Orders of these types.", OrderType::schema()),
            one("since", "Orders that were placed at this moment (RFC 3339) or later.", moment().into()),
            one("until", "Orders that were placed before this moment (RFC 3339).", moment().into()),
            one(
                "text",
                "Orders with this text in their number, name or address.",
                text().max_length(Some(MAX_TEXT)).pattern(Some("^[^\\x00]*$")).into(),
            ),
            one("limit", "Most orders of a page.", limit.into()),
            one(
                "cursor",
                "The `next_cursor` of the page before.",
                text().pattern(Some("^-?[0-9]{1,18}$")).into(),
            ),
        ]
    }
}

fn one(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// Values with commas between them.
fn several(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    let list = ArrayBuilder::new().items(schema).min_items(Some(1));
    let mut parameter = one(name, description, list.into());
    (parameter.style, parameter.explode) = (Some(ParameterStyle::Form), Some(false));
    parameter
}
