//! `GET /tickets`, and ticking lines off.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::{OrderNumber, RequestId};
use http_service::openapi::{NumberInPath, RequestedWith};
use http_service::staff::Access;
use http_service::{Problem, read_json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{BoardBody, TicketBody};
use super::openapi::{LineInPath, StaffRefused, TickRefused};
use super::{Api, of_staff};

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
        .json(BoardBody::from(api.board.snapshot()))
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
    path: web::Path<(String, usize)>,
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
        return no_tick(log.request_id()).error_response();
    };
    let (number, line) = path.into_inner();
    let ticket = number.parse::<OrderNumber>().ok().and_then(|number| api.board.tick(number, line, done));
    match ticket {
        Some(ticket) => HttpResponse::Ok().json(TicketBody::from(ticket)),
        None => no_such_line(log.request_id()).error_response(),
    }
}

/// The body does not say whether the line is done.
pub fn no_tick(id: &RequestId) -> Problem {
    let detail = "Send whether the line is done: {\"done\": true} or {\"done\": false}.";
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

/// There is nothing to tick off.
pub fn no_such_line(id: &RequestId) -> Problem {
    let detail = "No open ticket of this worker has such a line. Lines are counted from 0.";
    Problem::new(StatusCode::NOT_FOUND, detail, id)
}
