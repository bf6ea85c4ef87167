//! `POST /tickets/{number}/start`, `/ready` and `/recall`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::order_status::RECALL_WINDOW;
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderStatus, RequestId};
use http_service::openapi::{NumberInPath, RequestedWith};
use http_service::staff::Access;
use http_service::{Problem, read_json};
use logging::printable;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::body::TicketBody;
use super::openapi::BumpRefused;
use super::{Api, of_staff};
use crate::manual::{Bump, BumpError, Ticket};

/// Seconds after which a person should try again.
const RETRY_AFTER: u64 = 2;

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
    responses((status = 200, description = "It is being cooked once more", body = TicketBody), BumpRefused),
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
    let seen = seen(&body).map_err(|_| no_status(id))?;
    let unknown = || {
        let detail = format!("There is no order {}.", printable(number));
        Problem::new(StatusCode::NOT_FOUND, detail, id)
    };
    let parsed: OrderNumber = number.parse().map_err(|_| unknown())?;
    let bumped = api.bumping.bump(parsed, bump, seen.unwrap_or(bump.usual()), id.clone()).await;
    bumped.map_err(|why| match why {
        BumpError::Unknown => unknown(),
        why => problem(&why, id),
    })
}

/// The status that the person saw; `None` if the body does not say.
fn seen(body: &[u8]) -> Result<Option<OrderStatus>, serde_json::Error> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice::<Seen>(body).map(|seen| seen.status)
}

/// The body names no status.
pub fn no_status(id: &RequestId) -> Problem {
    let detail = "Send the status that the ticket showed, as {\"status\": \"received\"}: received, cooking, ready, completed or cancelled.";
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

/// What a person is told whose step was not made.
pub fn problem(why: &BumpError, id: &RequestId) -> Problem {
    let conflict = |detail: String, status: OrderStatus, by: &str, at: OffsetDateTime| {
        Problem::new(StatusCode::CONFLICT, detail, id)
            .with("current_status", status.as_str().into())
            .with("changed_by", by.into())
            .with("changed_at", Timestamp(at).to_string().into())
    };
    let minutes = RECALL_WINDOW.as_secs() / 60;
    match why {
        BumpError::Elsewhere { number, status, changed_by, changed_at } => {
            let at = Timestamp(*changed_at);
            let detail = format!(
                "Order {number} is {status} already, by {changed_by} since {at}. Nothing was changed."
            );
            conflict(detail, *status, changed_by, *changed_at)
        }
        BumpError::OfAnother { number, finished_by, changed_at } => {
            let detail = format!(
                "Order {number} was finished by {finished_by}. Only that worker can recall it: at its display."
            );
            conflict(detail, OrderStatus::Ready, finished_by, *changed_at)
        }
        BumpError::TooLate { number, changed_by, changed_at } => {
            let detail = format!(
                "Order {number} has been ready for more than {minutes} minutes. Recall is over by then; ask the counter what became of it."
            );
            conflict(detail, OrderStatus::Ready, changed_by, *changed_at)
        }
        BumpError::NotHere(number) => {
            let detail = format!(
                "Order {number} is not among the tickets of this worker. It waits in its queue, or at another worker."
            );
            Problem::new(StatusCode::NOT_FOUND, detail, id)
        }
        BumpError::Unknown => Problem::new(StatusCode::NOT_FOUND, "There is no such order.", id),
        BumpError::Unavailable => {
            let detail = "The step could not be made: the database does not answer, or is busy. Nothing was changed. Try again.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER)
        }
        BumpError::Stopping => {
            let detail =
                "This worker stops and begins nothing more. Its waiting tickets go to other workers.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER)
        }
        BumpError::OutcomeUnknown => {
            let detail = "It is not known yet whether the step was made: the database does not answer. The worker goes on trying, and the display shows it.";
            Problem::new(StatusCode::GATEWAY_TIMEOUT, detail, id)
        }
    }
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
