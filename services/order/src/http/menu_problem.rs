//! What guests and staff are told when the menu, its stock or its prices stand against a request.

use actix_web::http::StatusCode;
use domain::RequestId;
use domain::basket::RefusalCode;
use domain::inventory::StockLeft;
use domain::menu::{EditRejection, ParseItemIdError};
use domain::place_order::{Rejection, Violation};
use http_service::Problem;
use serde_json::json;

use crate::menu::{EditError, MenuRefusal};

/// Why a call about the menu is refused.
#[derive(Debug, thiserror::Error)]
pub enum MenuProblem {
    /// Guests name the prices: there is no menu.
    #[error("the menu is off")]
    Off,
    /// The body is not what the call takes.
    #[error(transparent)]
    Body(#[from] Rejection),
    /// The body is no item of the menu.
    #[error(transparent)]
    Item(EditRejection),
    /// The id in the path can be no item's.
    #[error("the path names no possible item")]
    BadItemId,
    /// The id in the path is not on the menu.
    #[error("the path names no item of the menu")]
    UnknownItem,
    /// Items cannot be had so.
    #[error(transparent)]
    Refused(#[from] MenuRefusal),
    /// The edit was not made.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl MenuProblem {
    /// The answer.
    pub fn problem(&self, id: &RequestId) -> Problem {
        let told = |status, detail: &str| Problem::new(status, detail, id);
        match self {
            Self::Off => {
                let detail = "There is no menu here: menu.mode is off, and guests name the prices. Set menu.mode to on (MENU_MODE) to have one.";
                told(StatusCode::NOT_FOUND, detail)
            }
            Self::Body(Rejection::Invalid(violations)) => listed("The request is not valid", violations, id),
            Self::Body(Rejection::Malformed(why)) | Self::Item(EditRejection::Malformed(why)) => {
                told(StatusCode::BAD_REQUEST, &format!("The body {why}."))
            }
            Self::Item(EditRejection::Invalid(violations)) => listed("The item is not valid", violations, id),
            Self::BadItemId => {
                told(StatusCode::BAD_REQUEST, &format!("The id in the path {ParseItemIdError}."))
            }
            Self::UnknownItem | Self::Edit(EditError::UnknownItem) => {
                told(StatusCode::NOT_FOUND, "There is no such item on the menu.")
            }
            Self::Refused(why) => not_to_be_had(why, id),
            Self::Edit(EditError::NameTaken) => {
                let detail =
                    "Another item of the menu has this name. Names are unique: orders may go by them.";
                told(StatusCode::CONFLICT, detail)
            }
            Self::Edit(EditError::Unlimited) => {
                let detail = "The item is unlimited: its stock is not counted. Say what is left of it first (PUT /inventory/{id}).";
                told(StatusCode::CONFLICT, detail).with("code", json!("unlimited"))
            }
            Self::Edit(EditError::TooMuch { left }) => {
                let detail =
                    format!("{left} are left. With these there would be more than {}.", StockLeft::MAX);
                told(StatusCode::CONFLICT, &detail)
            }
            Self::Edit(EditError::MarkIsOver { now }) => {
                let detail = format!("must be in the future; now it is {now}");
                let violation = Violation { pointer: "/until".to_owned(), detail };
                listed("The request is not valid", &[violation], id)
            }
            Self::Edit(EditError::Failed) => Problem::internal(id),
        }
    }
}

/// A 400 with every violation.
pub fn listed(what: &str, violations: &[Violation], id: &RequestId) -> Problem {
    let detail = violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("; ");
    Problem::new(StatusCode::BAD_REQUEST, format!("{what}: {detail}."), id).with("errors", json!(violations))
}

/// An order that the menu refuses: every item concerned, once.
pub fn not_to_be_had(why: &MenuRefusal, id: &RequestId) -> Problem {
    let status = match why {
        MenuRefusal::Quote(_) => StatusCode::BAD_REQUEST,
        MenuRefusal::Items(refusal) if refusal.code == RefusalCode::UnknownItem => StatusCode::BAD_REQUEST,
        MenuRefusal::Items(_) => StatusCode::CONFLICT,
    };
    let mut problem = Problem::new(status, why.sentence(), id);
    if let MenuRefusal::Items(refusal) = why {
        problem = problem.with("code", json!(refusal.code)).with("items", json!(refusal.items));
    }
    match why.violations() {
        none if none.is_empty() => problem,
        violations => problem.with("errors", json!(violations)),
    }
}
