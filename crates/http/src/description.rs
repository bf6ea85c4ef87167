//! What a service tells of its HTTP interface: `/openapi.json` (OpenAPI 3.1).
//!
//! A service lists its operations. Here is what is true of each of them, and what every service
//! has.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::RequestId;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Header, HeaderBuilder, OpenApi, Ref, RefOr, Server};
use utoipa::{OpenApi as _, PartialSchema as _, ToSchema as _};

use crate::conditional::Json;
use crate::openapi::{
    IfNoneMatch, NotModified, ProblemBody, Sample, add_examples, any_other, header, in_header, operations,
    shared, text,
};
use crate::resource::readable;
use crate::{health, staff};

/// Serves the description. It is made and written when somebody first asks for it.
pub fn routes(app: &mut web::ServiceConfig, description: &'static LazyLock<Json>) {
    app.service(readable("/openapi.json", move |request| show(request, description)));
}

/// This description
///
/// What the interface is, as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Description", operation_id = "openapi",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The description", body = Object),
        NotModified,
    ),
)]
async fn show(request: HttpRequest, description: &'static LazyLock<Json>) -> HttpResponse {
    description.answer(&request)
}

/// The path of the description itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
struct Itself;

/// Adds what is true of every operation, the operations that every service has, and examples.
pub fn complete(mut description: OpenApi, samples: &[Sample]) -> Json {
    for shared in [staff::SessionPaths::openapi(), health::Probes::openapi(), Itself::openapi()] {
        description.merge(shared);
    }
    // Relative to the description, so that it holds behind a gateway's prefix.
    description.servers = Some(vec![Server::new(".")]);
    for operation in operations(&mut description) {
        let of_request = Ref::new("#/components/parameters/RequestId");
        operation.parameters.get_or_insert_default().push(RefOr::Ref(of_request));
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            is_never_null(body);
        }
        let responses = &mut operation.responses.responses;
        responses.insert("default".to_owned(), any_other().into());
        let has_tag = responses.contains_key("304");
        for (status, response) in responses {
            let RefOr::T(response) = response else { continue };
            let is_page = response.content.contains_key("text/html");
            let mut add = |name: &str, described| {
                response.headers.insert(name.to_owned(), RefOr::Ref(header(described)));
            };
            add("X-Request-ID", "RequestId");
            if has_tag && ["200", "304"].contains(&status.as_str()) {
                add("ETag", "ETag");
            }
            if is_page && status == "200" {
                add("Vary", "Vary");
            }
            if status == "default" {
                add("Allow", "Allow");
                add("Retry-After", "RetryAfter");
            }
        }
    }
    let components = description.components.get_or_insert_default();
    let mut schemas = vec![(ProblemBody::name().into(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let about = format!(
        "Follows the request through the logs: 1 to {} characters of `A-Z a-z 0-9 . _ -`. In place of another one, or of none, there is a new one.",
        RequestId::MAX_LENGTH
    );
    let of_request = in_header("X-Request-ID", &about);
    components.parameters.insert("RequestId".to_owned(), of_request.build().into());
    components.headers.extend(headers().map(|(name, header)| (name.to_owned(), header.into())));
    let ways_in = security_schemes().map(|(name, scheme)| (name.to_owned(), scheme.into()));
    components.security_schemes.extend(ways_in);
    add_examples(&mut description, &shared());
    add_examples(&mut description, samples);
    // Names, texts and numbers can always be written.
    Json::of(serde_json::to_vec(&description).unwrap_or_default())
}

/// utoipa tells a body that may be left out as one that may be `null` too, which none of ours may.
fn is_never_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        if let Some(RefOr::T(Schema::OneOf(variants))) = &content.schema {
            let named = variants.items.iter().find(|variant| matches!(variant, RefOr::Ref(_))).cloned();
            content.schema = named.or(content.schema.take());
        }
    }
}

fn headers() -> [(&'static str, Header); 6] {
    let seconds = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(1));
    let described = |schema: ObjectBuilder, description: &str| {
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    [
        ("RequestId", described(text(), "The id of the request: the client's, or a new one.")),
        (
            "RetryAfter",
            described(seconds, "Seconds after which to try again: with 429, and with 503 if that is known."),
        ),
        ("ETag", described(text(), "Names this very body, for `If-None-Match`.")),
        ("Vary", described(text(), "The headers of the request by which the body differs.")),
        ("Allow", described(text(), "The methods that the path takes, in an answer with 405.")),
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
