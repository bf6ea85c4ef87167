//! Why a request is not the staff's, and what the client and the log are told.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use domain::RequestId;
use logging::{Log, action};
use tokio::time::sleep;

use super::wrong_keys::DELAY;
use crate::Problem;

/// Why a request is not the staff's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// The request shows a key or a cookie, but nobody is staff here.
    #[error("no staff key is configured")]
    NoStaffKey,
    /// It shows neither, and nobody is staff here.
    #[error("there is no staff key in the request, and none is configured")]
    MissingAndNoStaffKey,
    /// The request shows neither key nor cookie.
    #[error("there is no staff key in the request")]
    Missing,
    /// The cookie has ended, or another key signed it.
    #[error("the sign-in has ended")]
    SignedOut,
    /// The cookie is right, but the page that sent it is not ours, or does not say so.
    #[error("the request does not come from a page of ours")]
    NotFromOurPage,
    /// A guess at the staff's key.
    #[error("this is not the staff's key")]
    WrongKey {
        /// Wrong keys that were turned away since the last one in the log.
        turned_away_before: u64,
    },
    /// One guess too many.
    #[error("too many wrong staff keys were sent")]
    TooManyWrongKeys {
        /// Time until the next guess.
        retry_after: Duration,
    },
}

impl StaffRefusal {
    /// What is wrong, and what to do: whole sentences for a person.
    pub fn detail(self) -> &'static str {
        match self {
            Self::NoStaffKey | Self::MissingAndNoStaffKey => {
                "No staff key is configured here, so nobody is staff. Set order.staff_key (ORDER_STAFF_KEY) to a random key, the same for every service, and start the service again: 'openssl rand -base64 24' makes one."
            }
            Self::Missing => {
                "Only the staff may do this: sign in, or send the staff's key as 'Authorization: Bearer <key>'."
            }
            Self::SignedOut => {
                "You are signed in no longer: it is more than 12 hours ago, or the staff's key is another one now. Sign in again."
            }
            Self::NotFromOurPage => {
                "Who is signed in changes something only from a page of this restaurant: with its Origin and the header 'X-Requested-With: restaurant'. Programs send the staff's key as 'Authorization: Bearer <key>'."
            }
            Self::WrongKey { .. } => {
                "This is not the staff's key as 'Authorization: Bearer <key>' or to sign in with."
            }
            Self::TooManyWrongKeys { .. } => {
                "Too many wrong staff keys were sent. Check the key, and try again in a second."
            }
        }
    }

    /// The body of the response.
    pub fn problem(self, id: &RequestId) -> Problem {
        let status = match self {
            Self::NoStaffKey | Self::NotFromOurPage | Self::WrongKey { .. } => StatusCode::FORBIDDEN,
            Self::Missing | Self::MissingAndNoStaffKey | Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::TooManyWrongKeys { .. } => StatusCode::TOO_MANY_REQUESTS,
        };
        let problem = Problem::new(status, self.detail(), id);
        match self {
            Self::Missing | Self::MissingAndNoStaffKey | Self::SignedOut => problem.challenge("Bearer"),
            Self::TooManyWrongKeys { retry_after } => problem.retry_after(retry_after.as_secs()),
            Self::NoStaffKey | Self::NotFromOurPage | Self::WrongKey { .. } => problem,
        }
    }

    /// Writes the line of the log. `order` is the number of the order that the path names.
    pub fn log(self, problem: &Problem, order: Option<&str>, log: &Log) {
        let (action, message) = match self {
            Self::NoStaffKey | Self::Missing | Self::MissingAndNoStaffKey | Self::SignedOut => {
                (action::VALIDATION_FAILED, "The request was refused")
            }
            Self::NotFromOurPage => (action::CROSS_SITE_REFUSED, "The request was refused"),
            Self::WrongKey { .. } => (action::STAFF_KEY_REFUSED, "Somebody sent a wrong staff key"),
            // The next wrong key in the log counts it.
            Self::TooManyWrongKeys { .. } => return,
        };
        let mut line = log.error(action, message, problem);
        if let Some(order) = order {
            line = line.detail("order_number", order);
        }
        match self {
            Self::WrongKey { turned_away_before } => {
                line.detail("turned_away_before", turned_away_before).emit();
            }
            _ => line.emit_limited(),
        }
    }

    /// The time that a guess takes. Nothing else waits.
    pub async fn delay(self) {
        if let Self::WrongKey { .. } = self {
            sleep(DELAY).await;
        }
    }

    /// Writes the line of the log, waits as long as a guess takes, and makes the response. `log`
    /// has the id of the request.
    pub async fn answer(self, log: &Log) -> HttpResponse {
        let problem = self.problem(log.request_id());
        self.log(&problem, None, log);
        self.delay().await;
        problem.error_response()
    }
}
