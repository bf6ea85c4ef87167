//! `GET /tickets`, and ticking lines off.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::OrderNumber;
use http_service::openapi::{NumberInPath, RequestedWith};
use http_service::read_json;
use http_service::staff::{Access, StaffRefused};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{BoardBody, TicketBody};
use super::described::{LineInPath, TickRefused};
use super::{Api, of_staff, problems};

/// The board.
#[utoipa::path(
    get, path = "/tickets", tag = "Tickets", operation_id = "tickets",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "All that a display shows", body = BoardBody), StaffRefused),
)]
pub async fn all(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if let Err(refused) = of_staff(&request, &api, Access::Read).await {
        return refused;
    }
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(BoardBody::of(api.board.snapshot(), api.bumping.shutdown.has_begun()))
}

/// Whether a line is done.
#[derive(Deserialize, ToSchema)]
#[schema(as = LineTick)]
pub struct Tick {
    done: bool,
}

/// Ticks a line off, or on again. All displays show it; the order is as it was.
#[utoipa::path(
    post, path = "/tickets/{number}/lines/{line}", tag = "Tickets", operation_id = "tick_line",
    params(NumberInPath, LineInPath, RequestedWith),
    request_body = Tick,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "The ticket with its lines", body = TicketBody), TickRefused),
)]
pub async fn tick(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<(String, String)>,
    api: web::Data<Api>,
) -> HttpResponse {
    let log = match of_staff(&request, &api, Access::Change).await {
        Ok(log) => log,
        Err(refused) => return refused,
    };
    let body = match read_json(&request, body, log.request_id()).await {
        Ok(body) => body,
        Err(problem) => return problem.error_response(),
    };
    let Ok(Tick { done }) = serde_json::from_slice(&body) else {
        return problems::no_tick(log.request_id()).error_response();
    };
    let (number, line) = path.into_inner();
    let found = match (number.parse::<OrderNumber>(), line.parse()) {
        (Ok(number), Ok(line)) => api.board.tick(number, line, done),
        // There is no such line.
        _ => None,
    };
    match found {
        Some(ticket) => HttpResponse::Ok().json(TicketBody::from(ticket)),
        None => problems::no_such_line(log.request_id()).error_response(),
    }
}
