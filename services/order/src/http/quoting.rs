//! `POST /calculate_price`: what an order would cost.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::RequestId;
use domain::pricing::{self, Quote, RuleSet};
use domain::quote_request::{parse_menu_quote, parse_quote};
use http_service::{read_json, request_id};
use logging::action;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::described::{QuoteRefused, requests::QuoteRequest};
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use crate::menu::{MenuRefusal, Shown, quote};

#[derive(Serialize, ToSchema)]
#[schema(as = PriceQuote)]
struct Body {
    #[serde(flatten)]
    quote: Quote,
    menu_version: u64,
}

/// Quotes an order.
#[utoipa::path(
    post, path = "/calculate_price", tag = "Menu", operation_id = "calculate_price",
    request_body = QuoteRequest,
    responses((status = 200, description = "What it would cost", body = Body), QuoteRefused),
)]
pub async fn calculate(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match quoted(&request, body, &api, &id).await {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(refusal) => refusal.answer(None, &api.log.with_request_id(id)),
    }
}

async fn quoted(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    id: &RequestId,
) -> Result<Body, Refusal> {
    let body = read_json(request, body, id).await.map_err(Refusal::Unreadable)?;
    let shown = api.board.at_hand().await.map_err(|why| {
        let log = api.log.with_request_id(id.clone());
        log.error(action::DB_QUERY_FAILED, "The menu could not be read", &why).emit();
        Refusal::Failed
    })?;
    let Shown { snapshot, local, .. } = &shown;
    let quote = if api.board.is_on() {
        quote(&parse_menu_quote(&body).map_err(MenuProblem::Body)?, &shown)?
    } else {
        // Rules act only while the menu is on.
        let asked = parse_quote(&body).map_err(MenuProblem::Body)?;
        pricing::quote(&asked.lines, asked.order_type, *local, &RuleSet::default())
            .map_err(MenuRefusal::Quote)?
    };
    Ok(Body { quote, menu_version: snapshot.menu.version() })
}
