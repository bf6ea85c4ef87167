//! Why a request fails, in the words of the API.

use domain::OrderRequestId;
use domain::order_request::RequestFailure;
use domain::place_order::Violation;
use logging::{Log, action};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::menu::MenuRefusal;

/// The code of a body that breaks rules.
const VALIDATION_FAILED: &str = "validation_failed";

/// The order breaks rules.
pub fn not_valid(violations: &[Violation]) -> RequestFailure {
    let rules = violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("; ");
    RequestFailure {
        code: VALIDATION_FAILED.to_owned(),
        reason: format!("The order is not valid: {rules}."),
        errors: listed(violations),
        items: None,
    }
}

/// The id of the request belongs to another body.
pub fn reused() -> RequestFailure {
    failure(
        "order_id_reused",
        "This order_id was used with another body. Use a new order_id for a new order.",
    )
}

/// The database refuses the order, and would again.
pub fn unstorable() -> RequestFailure {
    failure("not_stored", "The order could not be stored. Ask the restaurant; its log says why.")
}

impl From<&MenuRefusal> for RequestFailure {
    fn from(why: &MenuRefusal) -> Self {
        let (code, items) = match why {
            MenuRefusal::Items(refusal) => (refusal.code.as_str(), listed(&refusal.items)),
            MenuRefusal::Quote(_) => (VALIDATION_FAILED, None),
        };
        let violations = why.violations();
        let errors = if violations.is_empty() { None } else { listed(&violations) };
        Self { code: code.to_owned(), reason: why.sentence(), errors, items }
    }
}

fn failure(code: &str, reason: &str) -> RequestFailure {
    RequestFailure { code: code.to_owned(), reason: reason.to_owned(), errors: None, items: None }
}

/// These lists are plain text, which is always JSON.
fn listed<T: Serialize>(list: &[T]) -> Option<Box<RawValue>> {
    to_raw_value(list).ok()
}

/// Within the limit of refusals.
pub fn log_failure(order_id: OrderRequestId, failure: &RequestFailure, log: &Log) {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Reason<'a>(&'a str);
    log.error(action::VALIDATION_FAILED, "The order was refused", &Reason(&failure.reason))
        .detail("order_id", order_id.to_string())
        .detail("code", failure.code.clone())
        .emit_limited();
}
