//! The pages of this service.

use ::web::{Page, show_to_staff};
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::OrderNumber;
use http_service::{negotiation, request_id};

use super::{Api, orders};

/// What becomes of an order. An order that does not exist has no page. If the database cannot
/// answer, the page is shown all the same: it says that it has no connection, and recovers.
pub async fn track(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let Ok(order_number) = path.parse::<OrderNumber>() else { return ::web::not_found(request).await };
    match api.lookups.status(order_number).await {
        Ok(None) => ::web::not_found(request).await,
        Ok(Some(_)) | Err(_) => ::web::show(Page::Track, &request),
    }
}

/// One order: its page for browsers, and the whole of it for programs that may see it.
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
pub async fn board(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if negotiation::prefers_html(&request) {
        return ::web::show(Page::Board, &request);
    }
    let mut data = super::board::board(request, api).await;
    data.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    data
}

/// The tickets of all workers, to look at: for the staff.
pub async fn kitchen(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let log = api.log.with_request_id(request_id::of(&request));
    show_to_staff(Page::Kitchen, &request, &api.gate, &log).await
}
