//! The description of this service's interface: what its handlers say of themselves, with examples.

mod samples;

use std::sync::LazyLock;

use domain::{OrderRequestId, OrderStatus, OrderType, RequestId};
use http_service::Problem;
use http_service::event_stream::too_many_streams;
use http_service::openapi::{Refused, add_examples, complete, staff_refusals};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, OpenApi, RefOr, Required, Schema, SchemaFormat};
use utoipa::{IntoParams, OpenApi as _, PartialSchema as _};

use super::orders_query::{self, DEFAULT_LIMIT, MAX_LIMIT, MAX_TEXT};
use super::{estimate, figures, kitchen, orders, pages, streams};

/// The operations. Routes that are not among them are found by `tools/testkit/tests/openapi`.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tracking service",
        description = "Tells what becomes of orders, and what the kitchen and its workers do. It changes nothing. `HEAD` is answered wherever `GET` is. Every refusal is a problem (RFC 9457).",
    ),
    paths(
        super::status,
        super::history,
        estimate::of_order,
        pages::order,
        super::order_status,
        pages::board,
        streams::of_order,
        streams::of_all,
        super::workers,
        orders::list,
        kitchen::tickets,
        figures::figures,
        pages::track,
        ::web::docs,
    ),
    tags(
        (name = "Orders", description = "What becomes of them"),
        (name = "Board", description = "For guests who wait at the counter"),
        (name = "Streams", description = "Changes as they happen"),
        (name = "Workers"),
        (name = "For the staff"),
        (name = "Signing in", description = "Of the staff, in a browser"),
        (name = "Pages", description = "For browsers"),
        (name = "Probes", description = "For operators and orchestrators"),
        (name = "Description"),
    ),
)]
struct Described;

/// What `/openapi.json` says.
pub static DESCRIPTION: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut description = complete(Described::openapi());
    add_examples(&mut description, &samples::all());
    description
});

http_service::refusals! {
    /// Of whatever only the database can fail.
    Failed: [failed()];
    /// Of an order.
    UnknownOrder: [unknown_order(), failed()];
    /// Of an order by message.
    UnknownRequest: [unknown_request(), failed()];
    /// Of the whole of an order.
    OneOrderRefused: staff([unknown_order(), wrong_token()]);
    /// Of a list.
    ListRefused: staff([wrong_parameters()]);
    /// Of what the staff reads.
    StaffRefused: staff([]);
    /// Of an order's stream.
    StreamRefused: [unknown_order(), too_many(), failed()];
    /// Of the stream of all orders.
    StaffStreamRefused: staff([too_many()]);
}

fn refused(name: &'static str, problem: impl FnOnce(&RequestId) -> Problem) -> Refused {
    Refused::new(name, problem(&Refused::request_id()))
}

fn staff<const N: usize>(others: [Refused; N]) -> Vec<Refused> {
    staff_refusals().into_iter().chain(others).chain([failed()]).collect()
}

fn failed() -> Refused {
    refused("failed", Problem::internal)
}

fn unknown_order() -> Refused {
    refused("unknown_order", |id| super::unknown_order("ORD_20261130_999", id))
}

fn unknown_request() -> Refused {
    refused("unknown_request", |id| super::unknown_request("019ab6ce-5d80-7c3e-8f12-3456789abcde", id))
}

fn wrong_token() -> Refused {
    refused("wrong_token", orders::of_wrong_token)
}

fn too_many() -> Refused {
    refused("too_many_streams", too_many_streams)
}

fn wrong_parameters() -> Refused {
    let violations = orders_query::parse("limit=0&status=raw").err().unwrap_or_default();
    refused("wrong_parameters", |id| orders::wrong_parameters(&violations, id))
}

/// `{order_id}` in the path.
pub struct RequestIdInPath;

impl IntoParams for RequestIdInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new()
            .name("order_id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The client's id of the order: its `order_id` or `message_id`."))
            .schema(Some(OrderRequestId::schema()));
        vec![parameter.build()]
    }
}

/// The parameters of `GET /orders`.
pub struct ListParameters;

impl IntoParams for ListParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.into()));
        let since = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        vec![
            several("status", "Orders of these statuses.", OrderStatus::schema()),
            several("type", "Orders of these types.", OrderType::schema()),
            one("since", "Orders that were placed at this moment (RFC 3339) or later.", since.into()),
            one(
                "text",
                "Orders with this text in their number, name or address.",
                text().max_length(Some(MAX_TEXT)).into(),
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
