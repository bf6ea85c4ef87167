//! `POST /orders`: from the request to the answer.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use domain::place_order::{self, Rejection};
use domain::{Money, OrderIdentity, OrderNumber, OrderStatus, RequestId};
use http_service::{Problem, read_json, request_id};
use logging::Log;
use serde::Serialize;

use crate::api::Api;
use crate::credentials::ORDER_TOKEN;
use crate::idempotency::{self, Known};
use crate::placement::NotPlaced;

/// The body of a success (specification, "Response Body").
#[derive(Serialize)]
struct Placed {
    order_number: OrderNumber,
    status: OrderStatus,
    total_amount: Money,
}

impl Placed {
    fn new(order_number: OrderNumber, total_amount: Money) -> Self {
        Self { order_number, status: OrderStatus::Received, total_amount }
    }
}

/// Takes an order.
pub async fn place_order(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match place(&request, body, &api, &id).await {
        Ok((placed, token)) => {
            let mut answer = HttpResponse::Ok();
            if let Some(token) = token {
                answer.insert_header((ORDER_TOKEN, token));
            }
            answer.json(placed)
        }
        Err(problem) => problem.error_response(),
    }
}

/// The answer and the token with which the order can be cancelled, if it has an identity that the
/// token can be bound to.
async fn place(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    id: &RequestId,
) -> Result<(Placed, Option<String>), Problem> {
    let log = api.log.with_request_id(id.clone());
    let refuse = |problem: Problem| {
        log.error("validation_failed", "The request was refused", &problem).emit_limited();
        problem
    };
    let body = read_json(request, body, id).await.map_err(refuse)?;
    let order = place_order::parse(&body).map_err(|rejection| invalid(&rejection, &log))?;
    let idempotent = idempotency::of(request, &body, id).map_err(refuse)?;
    // Its share of the memory is free already, and the order may wait.
    drop(body);

    let failed = |why: db::DbError| {
        log.error("db_transaction_failed", "The order could not be stored", &why).emit();
        Problem::internal(id)
    };
    let tokens = api.order_tokens(&log)?;
    api.check_open(id).inspect_err(|problem| {
        log.error("order_turned_away", "The service is not ready yet", problem).emit_limited();
    })?;
    let permit = api.admit(&log).await?;
    let key = match idempotent {
        None => None,
        Some(idempotent) => {
            let key = api.keys.take(idempotent).ok_or_else(|| refuse(idempotency::in_work(id)))?;
            let decided_by_commit = api.settings.accept_while_broker_down;
            let known = idempotency::look_up(&api.db, key.request(), decided_by_commit, id).await;
            match known.map_err(failed)?.map_err(refuse)? {
                Known::Placed(known) => {
                    log.debug("order_repeated", format!("Order {} was placed before", known.number)).emit();
                    let token = known.identity.map(|identity| tokens.token(&known.number, &identity));
                    return Ok((Placed::new(known.number, known.total_amount), token));
                }
                Known::New => Some(key),
            }
        }
    };

    log.debug("order_received", format!("Received an order of {}", order.total_amount))
        .detail("order_type", order.service.order_type().as_str())
        .detail("items", order.items.len())
        .detail("total_amount", serde_json::json!(order.total_amount))
        .detail("priority", order.priority.get())
        .emit();
    let total_amount = order.total_amount.clone();
    let identity = new_identity();
    match api.writer.place(identity, order, id.clone(), key, permit).await {
        Ok(number) => Ok((Placed::new(number, total_amount), Some(tokens.token(&number, &identity)))),
        Err(NotPlaced::Refused) => Err(Problem::internal(id)),
        Err(NotPlaced::KeyTaken) => Err(refuse(idempotency::in_work(id))),
        Err(NotPlaced::Unknown) => {
            let detail = "It is not known yet whether the order will be cooked: it will be found out. Do not order again without the same Idempotency-Key.";
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, detail, id);
            log.error(
                "order_outcome_unknown",
                "The client was told that the outcome is not known yet",
                &problem,
            )
            .emit();
            Err(problem)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the time keeps identities in the order of their making")]
fn new_identity() -> OrderIdentity {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    OrderIdentity::new(u64::try_from(since_1970.as_millis()).unwrap_or_default(), rand::random())
}

fn invalid(rejection: &Rejection, log: &Log) -> Problem {
    let mut line = log.error("validation_failed", "The order was refused", rejection);
    let problem = match rejection {
        Rejection::Malformed(_) => {
            let detail = format!("{}.", capitalised(&rejection.to_string()));
            Problem::new(StatusCode::BAD_REQUEST, detail, log.request_id())
        }
        Rejection::Invalid(violations) => {
            line = line.detail("violations", serde_json::json!(violations));
            let detail = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("The order is not valid: {detail}."),
                log.request_id(),
            )
            .with_errors(violations.clone())
        }
    };
    line.emit_limited();
    problem
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
