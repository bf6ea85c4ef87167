//! The pages of this service.

use ::web::{Page, show_to_staff};
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::OrderNumber;
use http_service::openapi::{Failed, IfNoneMatch, NotModified, OrderNumberInPath};
use http_service::staff::StaffPageRefused;
use http_service::{negotiation, request_id};

use super::board::BoardBody;
use super::described::{NoOrderPage, OneOrderRefused};
use super::orders::OrderBody;
use super::{Api, orders};

/// What becomes of an order. An order that does not exist has no page. If the database cannot
/// answer, the page is shown all the same: it says that it has no connection, and recovers.
#[utoipa::path(
    get, path = "/track/{order_number}", tag = "Pages", operation_id = "track_page",
    params(OrderNumberInPath, IfNoneMatch),
    responses(
        (status = 200, description = "What becomes of an order", body = String, content_type = "text/html"),
        NotModified,
        NoOrderPage,
    ),
)]
pub async fn track(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let Ok(order_number) = path.parse::<OrderNumber>() else { return ::web::not_found(request).await };
    // The page says itself that nothing can be read. It must not wait for that.
    if api.reads.admit_request().is_err() {
        return ::web::show(Page::Track, &request);
    }
    match api.lookups.status(order_number, &request_id::of(&request)).await {
        Ok(None) => ::web::not_found(request).await,
        Ok(Some(_)) | Err(_) => ::web::show(Page::Track, &request),
    }
}

/// One order: its page for browsers, and the whole of it for programs that may see it.
#[utoipa::path(
    get, path = "/orders/{order_number}", tag = "Orders", operation_id = "order",
    params(OrderNumberInPath),
    security(("order_token" = []), ("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "The order", body = OrderBody),
        (status = 303, description = "To a browser: its page", headers(("Location" = String))),
        OneOrderRefused,
    ),
)]
pub async fn order(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let mut answer = if negotiation::prefers_html(&request) {
        match path.parse::<OrderNumber>() {
            Ok(number) => {
                // Relative, so that it works behind a gateway's prefix.
                let mut page = format!("../track/{number}");
                if !request.query_string().is_empty() {
                    page = format!("{page}?{}", request.query_string());
                }
                HttpResponse::SeeOther().insert_header((header::LOCATION, page)).finish()
            }
            Err(_) => ::web::not_found(request).await,
        }
    } else {
        orders::one(request, path, api).await
    };
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    answer
}

/// The numbers of all orders, on a wall: a page for browsers, and its data for programs.
#[utoipa::path(
    get, path = "/board", tag = "Board", operation_id = "board",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The numbers of the orders that are prepared or ready; a page for browsers",
         content((BoardBody = "application/json"), (String = "text/html"))),
        NotModified,
        Failed,
    ),
)]
pub async fn board(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if negotiation::prefers_html(&request) {
        return ::web::show(Page::Board, &request);
    }
    let mut data = super::board::board(request, api).await;
    data.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    data
}

/// The tickets of all workers, to look at: for the staff.
#[utoipa::path(
    get, path = "/kitchen", tag = "Pages", operation_id = "kitchen_page",
    params(IfNoneMatch),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "The tickets of all workers", body = String, content_type = "text/html"),
        NotModified,
        StaffPageRefused,
    ),
)]
pub async fn kitchen(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let log = api.log.with_request_id(request_id::of(&request));
    show_to_staff(Page::Kitchen, &request, &api.gate, &log).await
}
