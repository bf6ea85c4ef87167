//! What clients are told who ask for what is not there, or not theirs.

use std::error::Error;
use std::time::Duration;

use actix_web::http::StatusCode;
use domain::RequestId;
use domain::order_request::ParseRequestIdError;
use http_service::Problem;
use logging::printable;
use serde_json::json;

use super::orders_query::Violation;

pub fn unknown_order(asked: &str, id: &RequestId) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no order {}.", printable(asked)), id)
}

/// Nobody sent an order by message under this id.
pub fn unknown_request(asked: &str, id: &RequestId) -> Problem {
    let detail =
        format!("There is no request {}: no message with this order_id was taken.", printable(asked));
    Problem::new(StatusCode::NOT_FOUND, detail, id)
}

/// No message goes by this: one that named it was refused under another id.
pub fn no_request_id(asked: &str, why: ParseRequestIdError, id: &RequestId) -> Problem {
    let detail = format!("There is no request {}: an order_id {why}.", printable(asked));
    Problem::new(StatusCode::NOT_FOUND, detail, id)
}

/// The token is another order's, or nobody's.
pub fn wrong_token(id: &RequestId) -> Problem {
    let detail = "This X-Order-Token is not the one that placing the order returned.";
    Problem::new(StatusCode::FORBIDDEN, detail, id)
}

/// All connections that read names were in use for as long as a request waits.
pub fn connections_in_use(retry: Duration, id: &RequestId) -> Problem {
    let detail = "Too many requests read names and addresses at the moment. Nothing was read. Wait for the time in Retry-After, then try again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id)
        .retry_in(retry)
        .with("code", json!("connections_in_use"))
}

/// What the client shows as the place to go on from is none.
pub fn bad_position(shown: &str, why: &dyn Error, id: &RequestId) -> Problem {
    let detail = format!(
        "Last-Event-ID '{}' {why}. Send the id of an event as it came, or none to begin with now.",
        printable(shown)
    );
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

/// Everything that is wrong with the parameters.
pub fn wrong_parameters(violations: &[Violation], id: &RequestId) -> Problem {
    let texts: Vec<String> =
        violations.iter().map(|wrong| format!("{} {}", wrong.parameter, wrong.detail)).collect();
    Problem::new(StatusCode::BAD_REQUEST, format!("{}.", texts.join("; ")), id)
        .with("errors", violations.iter().map(Violation::json).collect())
}
