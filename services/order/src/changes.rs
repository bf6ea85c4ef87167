//! `POST /orders/{number}/cancel` and `/complete`: the rest of an order's life.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use db::DbError;
use db::transitions::{self, Outcome};
use domain::{OrderNumber, OrderStatus, RequestId};
use http_service::{Problem, read_json, request_id};
use logging::Log;
use runtime::Backoff;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::api::Api;
use crate::credentials::{self, Asker, Denied};

/// Longest time to find out whether an order was changed.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

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
        (Asker::Guest(_), OrderStatus::Cancelled) => &[OrderStatus::Received],
        (Asker::Guest(_), _) => &[],
        (Asker::Staff, _) => &OrderStatus::ALL,
    }
}

#[derive(Serialize)]
struct Changed {
    order_number: OrderNumber,
    status: OrderStatus,
}

/// Guests cancel while nobody cooks, staff until the order is completed.
pub async fn cancel(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, CANCEL).await
}

/// Staff hands over what is ready.
pub async fn complete(
    request: HttpRequest,
    body: web::Payload,
    number: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    respond(&request, body, &number, &api, COMPLETE).await
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
        Err(problem) => problem.error_response(),
    }
}

async fn carry_out(
    request: &HttpRequest,
    body: web::Payload,
    number: &str,
    api: &Api,
    change: Change,
    id: &RequestId,
) -> Result<Changed, Problem> {
    let log = api.log.with_request_id(id.clone());
    let refuse = |problem: Problem| {
        log.error("validation_failed", "The request was refused", &problem)
            .detail("order_number", number)
            .emit_limited();
        problem
    };
    // Nothing is in it that matters; a connection on which it is left unread
    // could not be used again.
    read_json(request, body, id).await.map_err(refuse)?;
    let unknown = || refuse(Problem::new(StatusCode::NOT_FOUND, "There is no such order.", id));
    let order_number: OrderNumber = number.parse().map_err(|_| unknown())?;
    let tokens = api.order_tokens(&log)?;
    let asker = match credentials::asker(request, order_number, &tokens, &api.settings.staff_key, id) {
        Ok(asker) => asker,
        Err(Denied::Credentials(problem)) => return Err(refuse(problem)),
        Err(Denied::StaffKey) => return Err(api.wrong_keys.refuse(order_number, &log).await),
    };
    if matches!(asker, Asker::Guest(_)) && change.next != OrderStatus::Cancelled {
        let detail = "Only the staff may do this: send the staff's key as 'Authorization: Bearer <key>'.";
        return Err(refuse(Problem::new(StatusCode::FORBIDDEN, detail, id)));
    }
    let (by, meant) = match &asker {
        Asker::Guest(identity) => ("guest", Some(identity)),
        Asker::Staff => ("staff", None),
    };
    let _permit = api.admit(&log).await?;
    let from = allowed(asker, change.next);
    let ask = || transitions::change(&api.db, &order_number, meant, from, change.next, by, id);
    let outcome = until_known(&log, ask).await?;
    match outcome {
        Outcome::Changed => {
            api.relay.wake();
            log.info("order_status_changed", format!("Order {order_number} was {} by {by}", change.verb))
                .detail("order_number", order_number.to_string())
                .detail("status", change.next.as_str())
                .detail("changed_by", by)
                .emit();
            Ok(Changed { order_number, status: change.next })
        }
        Outcome::Illegal(status) => {
            let detail = format!("Order {order_number} is {status}{}", refusal(asker, status, change));
            Err(refuse(Problem::new(StatusCode::CONFLICT, detail, id).with_current_status(status)))
        }
        Outcome::Unknown if matches!(asker, Asker::Staff) => Err(unknown()),
        // A token does not tell its guest whether there is an order of this number.
        Outcome::Unknown | Outcome::AnotherOrder => Err(refuse(credentials::wrong_token(id))),
    }
}

/// Why an order of this status is not changed so, as the end of a sentence.
fn refusal(asker: Asker, status: OrderStatus, change: Change) -> String {
    let is_final = !OrderStatus::ALL.into_iter().any(|next| status.may_become(next));
    if status == change.next {
        " already.".to_owned()
    } else if is_final {
        format!(": it cannot be {} any more.", change.verb)
    } else if matches!(asker, Asker::Guest(_)) {
        format!(": now only the staff can have it {}.", change.verb)
    } else {
        format!(": it can be {} once it is ready.", change.verb)
    }
}

fn failed(why: &DbError, log: &Log) -> Problem {
    log.error("db_transaction_failed", "The status could not be changed", why).emit();
    Problem::internal(log.request_id())
}

/// Asks again when the answer was lost: the same request learns what its first attempt did. What is
/// under way at the deadline is in doubt, too.
async fn until_known<Answer>(log: &Log, mut ask: impl FnMut() -> Answer) -> Result<Outcome, Problem>
where
    Answer: Future<Output = Result<Outcome, DbError>>,
{
    let asking = async {
        let (mut backoff, mut in_doubt) = (Backoff::for_server(), false);
        loop {
            let why = match ask().await {
                Ok(outcome) => return Ok(outcome),
                Err(why) => why,
            };
            in_doubt |= why.is_in_doubt();
            let problem = failed(&why, log);
            if !in_doubt {
                return Err(problem);
            }
            sleep(backoff.next_pause()).await;
        }
    };
    timeout(DEADLINE, asking).await.unwrap_or_else(|_| {
        let detail = "It is not known whether the order was changed. Ask the tracking service, or send the same request with the same X-Request-ID again.";
        Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, detail, log.request_id()))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use domain::OrderIdentity;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_under_way_at_the_deadline_is_not_waited_for() {
        let (log, _flush) = logging::start("order-service", logging::Level::Error);
        let began = Instant::now();
        let known = until_known(&log, std::future::pending).await;
        assert_eq!(known.map(drop).unwrap_err().status_code(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(began.elapsed(), DEADLINE);
    }

    fn guest() -> Asker {
        Asker::Guest(OrderIdentity::new(0, [0; 10]))
    }

    #[test]
    fn guests_cancel_before_the_kitchen_begins_and_do_nothing_else() {
        assert_eq!(allowed(guest(), OrderStatus::Cancelled), [OrderStatus::Received]);
        for next in OrderStatus::ALL.into_iter().filter(|next| *next != OrderStatus::Cancelled) {
            assert_eq!(allowed(guest(), next), []);
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_possible() {
        use OrderStatus::{Cancelled, Completed, Cooking, Received};
        for (asker, status, change, expected) in [
            (guest(), Cancelled, CANCEL, " already."),
            (guest(), Cooking, CANCEL, ": now only the staff can have it cancelled."),
            (Asker::Staff, Completed, CANCEL, ": it cannot be cancelled any more."),
            (Asker::Staff, Received, COMPLETE, ": it can be completed once it is ready."),
            (Asker::Staff, Cancelled, COMPLETE, ": it cannot be completed any more."),
        ] {
            assert_eq!(refusal(asker, status, change), expected, "{asker:?} {status} {change:?}");
        }
    }
}
