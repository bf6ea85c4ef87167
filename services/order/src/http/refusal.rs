//! Every reason for which a request is refused, and what the client and the log are told: one
//! table.

use std::error::Error;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use domain::RequestId;
use domain::idempotency::ParseKeyError;
use domain::place_order::Rejection;
use http_service::Problem;
use http_service::breaker::database_away;
use http_service::staff::StaffRefusal;
use logging::{Log, action};
use serde_json::json;

use super::menu_problem::{MenuProblem, listed, not_to_be_had};
use crate::acceptance::Closed;
use crate::admission::Busy;
use crate::changes::ChangeError;
use crate::menu::{EditError, MenuRefusal};
use crate::placing::PlaceError;
use crate::readiness::NotReady;

/// Seconds after which a client that came too early, or was turned away, should come back.
const RETRY_AFTER: u64 = 1;

/// Why a request is not answered with a success.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body could not be read, and this is the answer.
    #[error(transparent)]
    Unreadable(Problem),
    /// The body is no order.
    #[error(transparent)]
    Order(#[from] Rejection),
    /// The header `Idempotency-Key` is malformed.
    #[error(transparent)]
    IdempotencyKey(#[from] ParseKeyError),
    /// The menu, its stock or its prices stand against it.
    #[error(transparent)]
    Menu(#[from] MenuProblem),
    /// What failed is in the log.
    #[error("the request could not be carried out")]
    Failed,
    /// RabbitMQ does not answer. What failed is in the log.
    #[error("RabbitMQ does not answer")]
    BrokerAway,
    /// The number in the path names no order.
    #[error("the path names no order")]
    UnknownOrder,
    /// Only the order's guest and the staff may do this, and the request shows nothing.
    #[error("there are no credentials in the request")]
    Nobody,
    #[error("the token is not the one that placing the order returned")]
    WrongToken,
    #[error(transparent)]
    Staff(#[from] StaffRefusal),
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// What the log is told of a refusal.
enum Line<'a> {
    /// The client sent something wrong: as many lines as the limit allows.
    Refused,
    /// The service takes nothing at the moment; the text says why. Within the same limit.
    TurnedAway(&'static str),
    /// The order breaks rules. Within the same limit.
    Invalid(&'a Rejection),
    /// Somebody is not staff.
    NotStaff(StaffRefusal),
    /// The client was told that it is not known what came of its order.
    OutcomeUnknown,
    /// What failed is in the log already, or is not for the log.
    Nothing,
}

impl From<EditError> for Refusal {
    fn from(why: EditError) -> Self {
        Self::Menu(why.into())
    }
}

impl From<MenuRefusal> for Refusal {
    fn from(why: MenuRefusal) -> Self {
        Self::Menu(why.into())
    }
}

impl Refusal {
    /// Writes the line of the log, and makes the answer. `number` is the order's, as the path
    /// says it.
    pub fn answer(&self, number: Option<&str>, log: &Log) -> HttpResponse {
        let (problem, line) = self.told(log.request_id());
        line.emit(&problem, number, log);
        problem.error_response()
    }

    /// As [`answer`](Self::answer), after the time that a guess at the staff's key takes.
    pub async fn answer_in_time(&self, number: Option<&str>, log: &Log) -> HttpResponse {
        let answer = self.answer(number, log);
        if let Self::Staff(why) = self {
            why.delay().await;
        }
        answer
    }

    /// What the client is told. For the description of the interface.
    pub fn problem(&self, id: &RequestId) -> Problem {
        self.told(id).0
    }

    /// The table.
    fn told(&self, id: &RequestId) -> (Problem, Line<'_>) {
        let told = |status, detail: &str, line| (Problem::new(status, detail, id), line);
        let later =
            |status, detail: &str, line| (Problem::new(status, detail, id).retry_after(RETRY_AFTER), line);
        match self {
            Self::Unreadable(problem) => (problem.clone(), Line::Refused),
            Self::Order(rejection) => (invalid(rejection, id), Line::Invalid(rejection)),
            Self::IdempotencyKey(why) => {
                told(StatusCode::BAD_REQUEST, &format!("Idempotency-Key {why}."), Line::Refused)
            }
            Self::Menu(why) => (why.problem(id), Line::Refused),
            Self::Place(PlaceError::Menu(why)) => (not_to_be_had(why, id), Line::Refused),
            Self::UnknownOrder | Self::Change(ChangeError::UnknownOrder) => {
                told(StatusCode::NOT_FOUND, "There is no such order.", Line::Refused)
            }
            Self::Nobody => {
                let detail = "Say who you are: with the staff's key as 'Authorization: Bearer <key>', or, to cancel your own order, with X-Order-Token as placing the order returned it.";
                let (problem, line) = told(StatusCode::UNAUTHORIZED, detail, Line::Refused);
                (problem.challenge("Bearer"), line)
            }
            Self::WrongToken | Self::Change(ChangeError::AnotherOrder) => {
                let detail = "This X-Order-Token is not the one that placing the order returned.";
                told(StatusCode::FORBIDDEN, detail, Line::Refused)
            }
            Self::Staff(why) => (why.problem(id), Line::NotStaff(*why)),
            Self::BrokerAway => {
                let detail = "RabbitMQ does not answer, or does not tell. Try again in a second.";
                later(StatusCode::SERVICE_UNAVAILABLE, detail, Line::Nothing)
            }
            Self::NotReady(why) | Self::Place(PlaceError::NotReady(why)) => {
                let detail = match why {
                    NotReady::Database => {
                        "The service is starting: it waits for its database. Try again in a second."
                    }
                    NotReady::Opening => {
                        "The service is starting and takes no orders yet. Try again in a second."
                    }
                };
                let line = Line::TurnedAway("The service is not ready yet");
                later(StatusCode::SERVICE_UNAVAILABLE, detail, line)
            }
            Self::Place(PlaceError::Busy(Busy)) | Self::Change(ChangeError::Busy(Busy)) => {
                let detail = "Too many orders are in work at the moment. Try again in a second.";
                let line = Line::TurnedAway("Too many orders are in work (--max-concurrent)");
                later(StatusCode::SERVICE_UNAVAILABLE, detail, line)
            }
            Self::Place(PlaceError::Closed(why)) => closed(why, id),
            Self::Place(PlaceError::DatabaseAway { left }) => {
                (database_away(*left, id), Line::TurnedAway("The database does not answer"))
            }
            Self::Place(PlaceError::KeyInFlight) => {
                let detail = "A request with this Idempotency-Key is still in work. Ask again in a second.";
                later(StatusCode::CONFLICT, detail, Line::Refused)
            }
            Self::Place(PlaceError::KeyReused) => {
                let detail =
                    "This Idempotency-Key was used with another body. Use a new key for a new order.";
                told(StatusCode::UNPROCESSABLE_ENTITY, detail, Line::Refused)
            }
            Self::Place(PlaceError::OutcomeUnknown) => {
                let detail = "It is not known yet whether the order will be cooked: it will be found out. Do not order again without the same Idempotency-Key.";
                told(StatusCode::GATEWAY_TIMEOUT, detail, Line::OutcomeUnknown)
            }
            Self::Change(ChangeError::StaffOnly) => {
                told(StatusCode::FORBIDDEN, StaffRefusal::Missing.detail(), Line::Refused)
            }
            Self::Change(why @ ChangeError::Illegal { status, .. }) => {
                let (problem, line) = told(StatusCode::CONFLICT, &why.to_string(), Line::Refused);
                (problem.with("current_status", json!(status)), line)
            }
            Self::Change(ChangeError::OutcomeUnknown) => {
                let detail = "It is not known whether the order was changed. Ask the tracking service, or send the same request with the same X-Request-ID again.";
                told(StatusCode::GATEWAY_TIMEOUT, detail, Line::Nothing)
            }
            // No request of HTTP is a message that came before.
            Self::Place(PlaceError::Failed | PlaceError::Unstorable | PlaceError::Repeated)
            | Self::Change(ChangeError::Failed)
            | Self::Failed => (Problem::internal(id), Line::Nothing),
        }
    }
}

/// 503 with the reason, and when to come back.
fn closed(why: &Closed, id: &RequestId) -> (Problem, Line<'static>) {
    let (detail, code, back_in, line) = match why {
        Closed::Paused { message, left } => {
            (message.to_string(), "intake_paused", *left, "The staff has paused the intake")
        }
        Closed::Full { order_type, most, retry_after } => {
            let detail = format!(
                "{most} orders of the type {order_type} wait already, and no more are taken. Try again a little later."
            );
            (detail, "too_many_waiting", *retry_after, "Too many orders wait (intake.max_waiting)")
        }
    };
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id);
    let problem = problem.retry_in(back_in).with("code", json!(code));
    (problem, Line::TurnedAway(line))
}

fn invalid(rejection: &Rejection, id: &RequestId) -> Problem {
    match rejection {
        Rejection::Malformed(_) => {
            let detail = format!("{}.", capitalised(&rejection.to_string()));
            Problem::new(StatusCode::BAD_REQUEST, detail, id)
        }
        Rejection::Invalid(violations) => listed("The order is not valid", violations, id),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl Line<'_> {
    fn emit(self, problem: &Problem, number: Option<&str>, log: &Log) {
        let (action, message, why): (_, _, &dyn Error) = match &self {
            Self::Refused => (action::VALIDATION_FAILED, "The request was refused", problem),
            Self::TurnedAway(message) => (action::ORDER_TURNED_AWAY, message, problem),
            Self::Invalid(rejection) => (action::VALIDATION_FAILED, "The order was refused", rejection),
            Self::NotStaff(why) => return why.log(problem, number, log),
            Self::OutcomeUnknown => {
                let message = "The client was told that the outcome is not known yet";
                (action::ORDER_OUTCOME_UNKNOWN, message, problem)
            }
            Self::Nothing => return,
        };
        let mut line = log.error(action, message, why);
        if let (Self::Refused, Some(number)) = (&self, number) {
            line = line.detail("order_number", number);
        }
        match self {
            Self::OutcomeUnknown => line.emit(),
            Self::Invalid(Rejection::Invalid(violations)) => {
                line.detail("violations", json!(violations)).emit_limited();
            }
            _ => line.emit_limited(),
        }
    }
}
