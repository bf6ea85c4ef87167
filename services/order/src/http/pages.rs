//! The pages of this service.

use ::web::Page;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use http_service::openapi::{IfNoneMatch, NotModified};
use http_service::staff::Access;
use http_service::{negotiation, request_id};

use super::Api;
use super::described::StaffPageRefused;

/// Where guests order.
#[utoipa::path(
    get, path = "/", tag = "Pages", operation_id = "order_page",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "Where guests order", body = String, content_type = "text/html"),
        NotModified,
    ),
)]
pub async fn order(request: HttpRequest) -> HttpResponse {
    ::web::show(Page::Order, &request)
}

/// Where the staff sees what goes on. The page itself has no data: whoever is not signed in gets
/// the form for that, and without a configured key the page says how to set one.
#[utoipa::path(
    get, path = "/staff", tag = "Pages", operation_id = "staff_page",
    params(IfNoneMatch),
    security((), ("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "Where the staff sees what goes on", body = String, content_type = "text/html"),
        NotModified,
        StaffPageRefused,
    ),
)]
pub async fn staff(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if !negotiation::prefers_html(&request)
        && let Err(refusal) = api.gate.verify(&request, Access::Read)
    {
        return refusal.answer(&api.log.with_request_id(request_id::of(&request))).await;
    }
    let mut page = ::web::show(Page::Staff, &request);
    if !api.gate.has_key() && page.status() == StatusCode::OK {
        *page.status_mut() = StatusCode::FORBIDDEN;
        page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    page
}
