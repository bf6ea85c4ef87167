//! `POST /orders`: from the request to the answer.

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::place_order;
use domain::{Fingerprint, IdempotencyKey, IdempotentRequest, Money, OrderNumber, OrderStatus, RequestId};
use http_service::{read_json, request_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::credentials::ORDER_TOKEN;
use super::described::{IdempotencyKeyHeader, PlacingRefused, requests::Order};
use super::refusal::Refusal;
use crate::placing::{PlaceOrder, Placed, Requested};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The body of a success (specification, "Response Body").
#[derive(Serialize, ToSchema)]
#[schema(as = PlacedOrder)]
struct Body {
    order_number: OrderNumber,
    status: OrderStatus,
    total_amount: Money,
}

/// Takes an order.
#[utoipa::path(
    post, path = "/orders", tag = "Orders", operation_id = "place_order",
    params(IdempotencyKeyHeader),
    request_body = Order,
    responses(
        (status = 200, description = "The order will be cooked, unless somebody cancels it", body = Body,
         headers(("X-Order-Token" = String, description = "The right to see and to cancel this order"))),
        PlacingRefused,
    ),
)]
pub async fn place(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match carry_out(&request, body, &api, &id).await {
        Ok(Placed { number, total_amount, token }) => {
            let mut answer = HttpResponse::Ok();
            if let Some(token) = token {
                answer.insert_header((ORDER_TOKEN, token));
            }
            answer.json(Body { order_number: number, status: OrderStatus::Received, total_amount })
        }
        Err(refusal) => refusal.answer(None, &api.log.with_request_id(id)),
    }
}

async fn carry_out(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    id: &RequestId,
) -> Result<Placed, Refusal> {
    let body = read_json(request, body, id).await.map_err(Refusal::Unreadable)?;
    let order = if api.board.is_on() {
        Requested::FromMenu(place_order::parse_menu_order(&body)?)
    } else {
        Requested::Priced(place_order::parse(&body)?)
    };
    let idempotency = idempotent_request(request, &body)?;
    // Its share of the memory is free already, and the order may wait.
    drop(body);
    Ok(api.placing.place(PlaceOrder { order, idempotency, request: None, request_id: id.clone() }).await?)
}

/// The request as its client recognises it, if it says how. (A request that has the header twice
/// reaches no handler.)
fn idempotent_request(request: &HttpRequest, body: &[u8]) -> Result<Option<IdempotentRequest>, Refusal> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = IdempotencyKey::parse(value.as_bytes())?;
    Ok(Some(IdempotentRequest { key, fingerprint: Fingerprint::of(body) }))
}
