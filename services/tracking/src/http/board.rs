//! `GET /board`: what guests see who wait at the counter.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use domain::timestamp::Timestamp;
use http_service::breaker::database_away;
use serde::Serialize;
use telemetry::labels::Overload;
use telemetry::metrics::OVERLOAD;
use utoipa::ToSchema;

use super::{Api, RequestContext};

#[derive(Serialize, ToSchema)]
#[schema(as = ReadyBoard)]
pub struct BoardBody {
    as_of: Timestamp,
    preparing: Vec<String>,
    ready: Vec<String>,
}

pub async fn board(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/board", None);
    // Its page, at the same path, needs no database, so nothing before asked the breaker.
    if let Err(left) = api.db.admit_request(|| true) {
        OVERLOAD.of(Overload::Breaker).inc();
        return database_away(left, context.id()).error_response();
    }
    let board = api.lookups.board(context.id()).await.map(|board| {
        Some(BoardBody {
            as_of: board.as_of.into(),
            preparing: board.preparing.clone(),
            ready: board.ready.clone(),
        })
    });
    context.answer(board, "")
}
