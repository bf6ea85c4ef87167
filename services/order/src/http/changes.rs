//! `POST /orders/{number}/cancel` and `/complete`.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::{OrderNumber, OrderStatus, RequestId, cancel_request};
use http_service::openapi::{NumberInPath, RequestedWith};
use http_service::{read_json, request_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::credentials::principal;
use super::described::{CancelRefused, CompleteRefused, requests::Cancellation};
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use crate::changes::{Change, ChangeOrder};

/// The body of a success.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedOrder)]
struct Changed {
    order_number: OrderNumber,
    status: OrderStatus,
}

/// Cancels an order.
#[utoipa::path(
    post, path = "/orders/{number}/cancel", tag = "Orders", operation_id = "cancel_order",
    params(NumberInPath, RequestedWith),
    request_body = Option<Cancellation>,
    security(("order_token" = []), ("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It will not be cooked", body = Changed), CancelRefused),
)]
pub async fn cancel(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Change::Cancel).await
}

/// Completes an order: the staff hands over what is ready.
#[utoipa::path(
    post, path = "/orders/{number}/complete", tag = "Orders", operation_id = "complete_order",
    params(NumberInPath, RequestedWith),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It was handed over", body = Changed), CompleteRefused),
)]
pub async fn complete(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Change::Complete).await
}

async fn respond(
    request: &HttpRequest,
    body: web::Payload,
    number: &str,
    api: &Api,
    change: Change,
) -> HttpResponse {
    let id = request_id::of(request);
    match carry_out(request, body, number, api, change, &id).await {
        Ok(changed) => HttpResponse::Ok().json(changed),
        Err(refusal) => refusal.answer_in_time(Some(number), &api.log.with_request_id(id)).await,
    }
}

async fn carry_out(
    request: &HttpRequest,
    body: web::Payload,
    number: &str,
    api: &Api,
    change: Change,
    id: &RequestId,
) -> Result<Changed, Refusal> {
    // It is read in any case: a connection on which it is left unread could not be used again.
    let body = read_json(request, body, id).await.map_err(Refusal::Unreadable)?;
    let number: OrderNumber = number.parse().map_err(|_| Refusal::UnknownOrder)?;
    let tokens = api.readiness.order_tokens()?;
    let principal = principal(request, number, &tokens, &api.gate)?;
    let reason = match change {
        Change::Cancel => cancel_request::parse(&body).map_err(MenuProblem::Body)?,
        Change::Complete => None,
    };
    api.changes.change(ChangeOrder { number, change, principal, reason, request_id: id.clone() }).await?;
    Ok(Changed { order_number: number, status: change.status() })
}
