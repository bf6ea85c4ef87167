//! What people are told whose step was not made, or whose line was not ticked off.

use actix_web::http::StatusCode;
use domain::order_status::RECALL_WINDOW;
use domain::timestamp::Timestamp;
use domain::{OrderStatus, RequestId};
use http_service::Problem;
use logging::printable;
use time::OffsetDateTime;

use crate::manual::BumpError;

/// Seconds after which a person should try again.
const RETRY_AFTER: u64 = 2;

/// The number in the path names no order.
pub fn unknown_order(asked: &str, id: &RequestId) -> Problem {
    let detail = format!("There is no order {}.", printable(asked));
    Problem::new(StatusCode::NOT_FOUND, detail, id).with("code", "not_here".into())
}

/// The body names no status.
pub fn no_status(id: &RequestId) -> Problem {
    let detail = "Send the status that the ticket showed, as {\"status\": \"received\"}: received, cooking, ready, completed or cancelled.";
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

/// The body does not say whether the line is done.
pub fn no_tick(id: &RequestId) -> Problem {
    let detail = "Send whether the line is done: {\"done\": true} or {\"done\": false}.";
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

/// There is nothing to tick off.
pub fn no_such_line(id: &RequestId) -> Problem {
    let detail = "No open ticket of this worker has such a line. Lines are counted from 0.";
    Problem::new(StatusCode::NOT_FOUND, detail, id)
}

/// What a person is told whose step was not made. Its `code` says which refusal it is.
pub fn of_bump(why: &BumpError, id: &RequestId) -> Problem {
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
