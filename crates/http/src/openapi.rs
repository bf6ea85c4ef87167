//! What a service tells of its HTTP interface: `/openapi.json` (OpenAPI 3.1).
//!
//! Operations are described beside their handlers, by `utoipa::path`. Here is what they share:
//! parameters, problem bodies, and what is true of every operation of a service.

mod examples;
mod refusals;
mod shared;

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use logging::{Log, action};
use utoipa::openapi::OpenApi;

pub use self::examples::{Sample, add_examples};
pub use self::refusals::{Refused, responses_of, staff_refusals};
pub use self::shared::{
    IfNoneMatch, ItemIdInPath, LastEventId, NotModified, NumberInPath, OrderNumberInPath, ProblemBody,
    RequestedWith, complete,
};
use crate::problem::Problem;
use crate::resource::readable;
use crate::{conditional, request_id};

/// Serves the description. It is made when somebody first asks for it.
pub fn routes(app: &mut web::ServiceConfig, description: &'static LazyLock<OpenApi>) {
    app.service(readable("/openapi.json", move |request| show(request, description)));
}

/// This description
///
/// What the interface is, as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Description", operation_id = "openapi",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The description", body = Object, headers(("ETag" = String))),
        NotModified,
    ),
)]
async fn show(request: HttpRequest, description: &'static LazyLock<OpenApi>) -> HttpResponse {
    conditional::json(&request, &**description).unwrap_or_else(|why| {
        let id = request_id::of(&request);
        if let Some(log) = request.app_data::<Log>() {
            let log = log.with_request_id(id.clone());
            log.error(action::REQUEST_REFUSED, "The description could not be written", &why).emit_limited();
        }
        Problem::internal(&id).error_response()
    })
}

/// The path of the description itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
struct Itself;
