//! `POST /orders/{number}/cancel` and `/complete`: the rest of an order's life.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use db::transitions::{self, ChangedBy, Outcome};
use domain::{OrderNumber, OrderStatus, RequestId};
use http_service::{Problem, request_id};
use serde::Serialize;

use crate::api::Api;
use crate::credentials::{self, Asker};

/// A change that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    next: OrderStatus,
    /// For the message of the log line.
    verb: &'static str,
}

const CANCEL: Change = Change { next: OrderStatus::Cancelled, verb: "cancelled" };
const COMPLETE: Change = Change { next: OrderStatus::Completed, verb: "completed" };

/// The statuses that an order may be in when this asker wants this change. What is legal at all is
/// [`OrderStatus::TRANSITIONS`].
fn allowed(asker: Asker, next: OrderStatus) -> &'static [OrderStatus] {
    match (asker, next) {
        (Asker::Guest, OrderStatus::Cancelled) => &[OrderStatus::Received],
        (Asker::Guest, _) => &[],
        (Asker::Staff, _) => &OrderStatus::ALL,
    }
}

#[derive(Serialize)]
struct Changed {
    order_number: OrderNumber,
    status: OrderStatus,
}

/// Guests cancel while nobody cooks, staff until the order is completed.
pub async fn cancel(request: HttpRequest, number: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    respond(&request, &number, &api, CANCEL).await
}

/// Staff hands over what is ready.
pub async fn complete(request: HttpRequest, number: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    respond(&request, &number, &api, COMPLETE).await
}

async fn respond(request: &HttpRequest, number: &str, api: &Api, change: Change) -> HttpResponse {
    let id = request_id::of(request);
    match carry_out(request, number, api, change, &id).await {
        Ok(changed) => HttpResponse::Ok().json(changed),
        Err(problem) => problem.error_response(),
    }
}

async fn carry_out(
    request: &HttpRequest,
    number: &str,
    api: &Api,
    change: Change,
    id: &RequestId,
) -> Result<Changed, Problem> {
    let log = api.log.with_request_id(id.clone());
    let failed = |why: db::DbError| {
        log.error("db_transaction_failed", "The status could not be changed", &why).emit();
        Problem::internal(id)
    };
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "There is no such order.", id);
    let order_number: OrderNumber = number.parse().map_err(|_| unknown())?;
    let tokens = api.order_tokens().await.map_err(failed)?;
    let asker = credentials::asker(request, order_number, tokens, &api.settings.staff_key, id)?;
    if asker == Asker::Guest && change.next != OrderStatus::Cancelled {
        let detail = "Only the staff may do this: send the staff's key as 'Authorization: Bearer <key>'.";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail, id));
    }
    let by = match asker {
        Asker::Guest => ChangedBy { name: "guest", notes: Some("cancelled with the order's token") },
        Asker::Staff => ChangedBy { name: "staff", notes: None },
    };
    let from = allowed(asker, change.next);
    let outcome =
        transitions::change(&api.db, &order_number, from, change.next, by, id).await.map_err(failed)?;
    match outcome {
        Outcome::Changed => {
            api.relay.nudge();
            log.info(
                "order_status_changed",
                format!("Order {order_number} was {} by {}", change.verb, by.name),
            )
            .detail("order_number", order_number.to_string())
            .detail("status", change.next.as_str())
            .detail("changed_by", by.name)
            .emit();
            Ok(Changed { order_number, status: change.next })
        }
        Outcome::Illegal(status) => {
            let detail = format!(
                "Order {order_number} is {status}: it cannot be {} any more, or not yet.",
                change.verb
            );
            Err(Problem::new(StatusCode::CONFLICT, detail, id).with_current_status(status))
        }
        Outcome::Unknown => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_cancel_before_the_kitchen_begins_and_do_nothing_else() {
        assert_eq!(allowed(Asker::Guest, OrderStatus::Cancelled), [OrderStatus::Received]);
        for next in OrderStatus::ALL.into_iter().filter(|next| *next != OrderStatus::Cancelled) {
            assert_eq!(allowed(Asker::Guest, next), []);
        }
    }
}
