//! `POST /tickets/{number}/start`, `/ready` and `/recall`.

use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::{OrderNumber, OrderStatus, RequestId};
use http_service::openapi::{NumberInPath, RequestedWith};
use http_service::staff::Access;
use http_service::{Problem, read_json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::TicketBody;
use super::described::{BumpRefused, RecallRefused};
use super::{Api, of_staff, problems};
use crate::manual::{Bump, BumpError, Ticket};

/// What the person saw. No body: the status that the step usually begins with.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SeenStatus)]
pub struct Seen {
    status: Option<OrderStatus>,
}

/// Claims the order: a person begins to cook it.
#[utoipa::path(
    post, path = "/tickets/{number}/start", tag = "Tickets", operation_id = "start_ticket",
    params(NumberInPath, RequestedWith),
    request_body = Option<Seen>,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It is being cooked", body = TicketBody), BumpRefused),
)]
pub async fn start(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Bump::Start).await
}

/// Finishes it.
#[utoipa::path(
    post, path = "/tickets/{number}/ready", tag = "Tickets", operation_id = "ready_ticket",
    params(NumberInPath, RequestedWith),
    request_body = Option<Seen>,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It is ready", body = TicketBody), BumpRefused),
)]
pub async fn ready(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Bump::Ready).await
}

/// Takes it up again.
#[utoipa::path(
    post, path = "/tickets/{number}/recall", tag = "Tickets", operation_id = "recall_ticket",
    params(NumberInPath, RequestedWith),
    request_body = Option<Seen>,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It is being cooked once more", body = TicketBody), RecallRefused),
)]
pub async fn recall(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Bump::Recall).await
}

async fn respond(
    request: &HttpRequest,
    body: web::Payload,
    number: &str,
    api: &Api,
    bump: Bump,
) -> HttpResponse {
    let log = match of_staff(request, api, Access::Change).await {
        Ok(log) => log,
        Err(refused) => return refused,
    };
    let id = log.request_id();
    match carry_out(request, body, number, api, bump, id).await {
        Ok(ticket) => HttpResponse::Ok().json(TicketBody::from(ticket)),
        Err(problem) => problem.error_response(),
    }
}

async fn carry_out(
    request: &HttpRequest,
    body: web::Payload,
    number: &str,
    api: &Api,
    bump: Bump,
    id: &RequestId,
) -> Result<Ticket, Problem> {
    let body = read_json(request, body, id).await?;
    let seen = seen(&body).map_err(|_| problems::no_status(id))?;
    let unknown = || problems::unknown_order(number, id);
    let parsed: OrderNumber = number.parse().map_err(|_| unknown())?;
    let bumped = api.bumping.bump(parsed, bump, seen.unwrap_or(bump.usual()), id.clone()).await;
    bumped.map_err(|why| match why {
        BumpError::Unknown => unknown(),
        why => problems::of_bump(&why, id),
    })
}

/// The status that the person saw; `None` if the body does not say.
fn seen(body: &[u8]) -> Result<Option<OrderStatus>, serde_json::Error> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice::<Seen>(body).map(|seen| seen.status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_the_status_or_nothing() {
        assert_eq!(seen(b"").unwrap(), None);
        assert_eq!(seen(b" \n").unwrap(), None);
        assert_eq!(seen(b"{}").unwrap(), None);
        assert_eq!(seen(br#"{"status":"cooking"}"#).unwrap(), Some(OrderStatus::Cooking));
        for wrong in [&br#"{"status":"burnt"}"#[..], b"[]", b"cooking", br#"{"status":1}"#] {
            assert!(seen(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
