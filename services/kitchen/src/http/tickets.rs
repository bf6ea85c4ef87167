//! `GET /tickets`, and ticking lines off.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::OrderNumber;
use http_service::staff::Access;
use http_service::{Problem, read_json};
use serde::Deserialize;

use super::body::{BoardBody, TicketBody};
use super::{Api, of_staff};

/// The board.
pub async fn all(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    if let Err(refused) = of_staff(&request, &api, Access::Read).await {
        return refused;
    }
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(BoardBody::of(api.board.snapshot(), api.bumping.shutdown.has_begun()))
}

#[derive(Deserialize)]
struct Tick {
    done: bool,
}

/// Ticks a line off, or on again. All displays show it; the order is as it was.
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
    let problem = |status, detail: &str| Problem::new(status, detail, log.request_id()).error_response();
    let Ok(Tick { done }) = serde_json::from_slice(&body) else {
        let detail = "Send whether the line is done: {\"done\": true} or {\"done\": false}.";
        return problem(StatusCode::BAD_REQUEST, detail);
    };
    let (number, line) = path.into_inner();
    let ticket = number.parse::<OrderNumber>().ok().and_then(|number| api.board.tick(number, line, done));
    match ticket {
        Some(ticket) => HttpResponse::Ok().json(TicketBody::from(ticket)),
        None => problem(
            StatusCode::NOT_FOUND,
            "No open ticket of this worker has such a line. Lines are counted from 0.",
        ),
    }
}
