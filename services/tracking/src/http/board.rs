//! `GET /board`: what guests see who wait at the counter.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::timestamp::Timestamp;
use serde::Serialize;
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
        return context.turned_away(left);
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
