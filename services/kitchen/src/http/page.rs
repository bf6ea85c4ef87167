//! The page of the cook.

use ::web::{Page, show_to_staff};
use actix_web::{HttpRequest, HttpResponse, web};
use http_service::openapi::{IfNoneMatch, NotModified};
use http_service::request_id;
use http_service::staff::StaffPageRefused;

use super::Api;

/// The display with its actions.
#[utoipa::path(
    get, path = "/", tag = "Pages", operation_id = "cook_page",
    params(IfNoneMatch),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "The display with its actions", body = String, content_type = "text/html"),
        NotModified,
        StaffPageRefused,
    ),
)]
pub async fn cook(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let log = api.log.with_request_id(request_id::of(&request));
    show_to_staff(Page::Cook, &request, &api.gate, &log).await
}
