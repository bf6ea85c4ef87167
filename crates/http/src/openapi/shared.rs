//! What operations share, and what is true of each of them.

use std::collections::BTreeMap;

use domain::RequestId;
use domain::basket::RefusedItem;
use serde::Serialize;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Header, HeaderBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Server,
};
use utoipa::{IntoParams, IntoResponses, OpenApi as _, ToSchema};

use super::{Itself, refusals};
use crate::{health, staff};

/// Why a request is refused (RFC 9457). A program goes by `status` and `code`, a person by
/// `detail`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the status.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// The `X-Request-ID` of the response. The log has the cause under it.
    pub request_id: String,
    /// What is wrong with the body, or with parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub errors: Option<Vec<Fault>>,
    /// Tells problems of one status apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("out_of_stock", "intake_paused"))]
    pub code: Option<String>,
    /// The items that cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub items: Option<Vec<RefusedItem>>,
    /// The status of the order, which does not allow what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_status: Option<domain::OrderStatus>,
    /// Who changed the order before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed_by: Option<String>,
    /// When they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = domain::timestamp::Timestamp)]
    pub changed_at: Option<String>,
}

/// Something that is wrong with a request, at its place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("/items/0/quantity"))]
    pub pointer: Option<String>,
    /// The name of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// Describes a parameter that several operations take.
macro_rules! parameters {
    ($($(#[$comment:meta])* $name:ident: $parameter:expr;)*) => {$(
        $(#[$comment])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$parameter.build()]
            }
        }
    )*};
}

parameters! {
    /// `If-None-Match`.
    IfNoneMatch: in_header("If-None-Match", "The `ETag` of an earlier response. Nothing new: 304.");
    /// `Last-Event-ID`.
    LastEventId: in_header("Last-Event-ID", "The id of the last event that was seen. What came since is sent first.");
    /// `X-Requested-With`.
    RequestedWith: in_header(
        "X-Requested-With",
        "`restaurant`, in a change that is asked for by the cookie of a sign-in. A key needs none.",
    );
    /// `{number}` in the path.
    NumberInPath: in_path::<domain::OrderNumber>("number", "The order's number.");
    /// `{order_number}` in the path.
    OrderNumberInPath: in_path::<domain::OrderNumber>("order_number", "The order's number.");
    /// `{id}` in the path.
    ItemIdInPath: in_path::<domain::MenuItemId>("id", "The item's id.");
}

fn in_header(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text()))
}

fn in_path<T: ToSchema>(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(T::schema()))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

/// 304: the client has the body already.
#[derive(Clone, Copy, Debug)]
pub struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("The client has it already (`If-None-Match`)");
        [("304".to_owned(), response.build().into())].into()
    }
}

/// A header that several responses have.
pub(super) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Adds what is true of every operation, and the operations that every service has.
pub fn complete(mut description: OpenApi) -> OpenApi {
    for shared in [staff::SessionPaths::openapi(), health::Probes::openapi(), Itself::openapi()] {
        description.merge(shared);
    }
    // Relative to the description, so that it holds behind a gateway's prefix.
    description.servers = Some(vec![Server::new(".")]);
    for operation in operations(&mut description) {
        let of_request = Ref::new("#/components/parameters/RequestId");
        operation.parameters.get_or_insert_default().push(RefOr::Ref(of_request));
        let responses = &mut operation.responses.responses;
        responses.insert("default".to_owned(), refusals::any().into());
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert("X-Request-ID".to_owned(), RefOr::Ref(header("RequestId")));
            }
        }
    }
    let components = description.components.get_or_insert_default();
    let mut schemas = vec![(ProblemBody::name().into(), <ProblemBody as utoipa::PartialSchema>::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let id = format!("^[A-Za-z0-9._-]{{1,{}}}$", RequestId::MAX_LENGTH);
    let of_request = in_header("X-Request-ID", "Follows the request through the logs. Without one it gets one.")
        .schema(Some(text().pattern(Some(id))));
    components.parameters.insert("RequestId".to_owned(), of_request.build().into());
    components.headers.extend(headers().map(|(name, header)| (name.to_owned(), header.into())));
    let schemes = security_schemes().map(|(name, scheme)| (name.to_owned(), scheme.into()));
    components.security_schemes.extend(schemes);
    description
}

fn headers() -> [(&'static str, Header); 3] {
    let seconds = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1));
    let described = |schema: ObjectBuilder, description: &str| {
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    [
        ("RequestId", described(text(), "The id of the request: the client's, or a new one.")),
        ("RetryAfter", described(seconds, "Seconds after which to try again.")),
        ("Challenge", described(text(), "`Bearer`: the staff's key is asked for.")),
    ]
}

fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The staff's key (`order.staff_key`, ORDER_STAFF_KEY)."));
    let cookie = ApiKeyValue::with_description(
        staff::COOKIE,
        "The cookie of a sign-in (`POST /staff/session`). A change by it also needs the `Origin` of a page of ours, and `X-Requested-With: restaurant`.",
    );
    let token = ApiKeyValue::with_description(
        "X-Order-Token",
        "What placing the order returned: the right to see and to cancel that order.",
    );
    [
        ("staff_key", SecurityScheme::Http(bearer.build())),
        ("staff_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        ("order_token", SecurityScheme::ApiKey(ApiKey::Header(token))),
    ]
}

/// All operations.
pub(super) fn operations(description: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    let paths = description.paths.paths.values_mut();
    paths.flat_map(|path| {
        [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
    })
}
