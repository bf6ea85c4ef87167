//! `POST /tickets/{number}/start`, `/ready` and `/recall`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use domain::order_status::RECALL_WINDOW;
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderStatus, RequestId};
use http_service::staff::Access;
use http_service::{Problem, read_json};
use logging::printable;
use serde::Deserialize;
use time::OffsetDateTime;

use super::body::TicketBody;
use super::{Api, of_staff};
use crate::manual::{Bump, BumpError, Ticket};

/// Seconds after which a person should try again.
const RETRY_AFTER: u64 = 2;

/// What the person saw.
#[derive(Default, Deserialize)]
struct Seen {
    status: Option<OrderStatus>,
}

/// Claims the order: a person begins to cook it.
pub async fn start(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Bump::Start).await
}

/// Finishes it.
pub async fn ready(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, Bump::Ready).await
}

/// Takes it up again.
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
    let seen = seen(&body).map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail, id))?;
    let unknown = || {
        let detail = format!("There is no order {}.", printable(number));
        Problem::new(StatusCode::NOT_FOUND, detail, id).with("code", "not_here".into())
    };
    let parsed: OrderNumber = number.parse().map_err(|_| unknown())?;
    let bumped = api.bumping.bump(parsed, bump, seen.unwrap_or(bump.usual()), id.clone()).await;
    bumped.map_err(|why| match why {
        BumpError::Unknown => unknown(),
        why => problem(&why, id),
    })
}

/// The status that the person saw; `None` if the body does not say.
fn seen(body: &[u8]) -> Result<Option<OrderStatus>, &'static str> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice::<Seen>(body).map(|seen| seen.status).map_err(|_| {
        "Send the status that the ticket showed, as {\"status\": \"received\"}: received, cooking, ready, completed or cancelled."
    })
}

/// The problem of a refusal. Its `code` says which one it is.
fn problem(why: &BumpError, id: &RequestId) -> Problem {
    let refusal = |status: StatusCode, code: &str, detail: String| {
        Problem::new(status, detail, id).with("code", code.into())
    };
    let conflict = |code: &str, detail: String, status: OrderStatus, by: &str, at: OffsetDateTime| {
        refusal(StatusCode::CONFLICT, code, detail)
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
            conflict("elsewhere", detail, *status, changed_by, *changed_at)
        }
        BumpError::OfAnother { number, finished_by, changed_at } => {
            let detail = format!(
                "Order {number} was finished by {finished_by}. Only that worker can recall it: at its display."
            );
            conflict("finished_by_another", detail, OrderStatus::Ready, finished_by, *changed_at)
        }
        BumpError::TooLate { number, changed_by, changed_at } => {
            let detail = format!(
                "Order {number} has been ready for more than {minutes} minutes. Recall is over by then; ask the counter what became of it."
            );
            conflict("recall_is_over", detail, OrderStatus::Ready, changed_by, *changed_at)
        }
        BumpError::NotHere(number) => {
            let detail = format!(
                "Order {number} is not among the tickets of this worker. It waits in its queue, or at another worker."
            );
            refusal(StatusCode::NOT_FOUND, "not_here", detail)
        }
        BumpError::Unknown => {
            refusal(StatusCode::NOT_FOUND, "not_here", "There is no such order.".to_owned())
        }
        BumpError::Unavailable => {
            let detail = "The step could not be made: the database does not answer, or is busy. Nothing was changed. Try again.";
            refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail.to_owned())
                .retry_after(RETRY_AFTER)
        }
        BumpError::Stopping => {
            let detail =
                "This worker stops and begins nothing more. Its waiting tickets go to other workers.";
            refusal(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail.to_owned()).retry_after(RETRY_AFTER)
        }
        BumpError::OutcomeUnknown => {
            let detail = "It is not known yet whether the step was made: the database does not answer. The worker goes on trying, and the display shows it.";
            refusal(StatusCode::GATEWAY_TIMEOUT, "outcome_unknown", detail.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_the_status_or_nothing() {
        assert_eq!(seen(b""), Ok(None));
        assert_eq!(seen(b" \n"), Ok(None));
        assert_eq!(seen(b"{}"), Ok(None));
        assert_eq!(seen(br#"{"status":"cooking"}"#), Ok(Some(OrderStatus::Cooking)));
        for wrong in [&br#"{"status":"burnt"}"#[..], b"[]", b"cooking", br#"{"status":1}"#] {
            assert!(seen(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
