//! The page of the cook.

use ::web::{Page, show_to_staff};
use actix_web::{HttpRequest, HttpResponse, web};
use http_service::request_id;

use super::Api;

/// The display with its actions.
pub async fn cook(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let log = api.log.with_request_id(request_id::of(&request));
    show_to_staff(Page::Cook, &request, &api.gate, &log).await
}
