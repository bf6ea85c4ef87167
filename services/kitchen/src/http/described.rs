//! What handlers say of themselves beside their code: a parameter, and how they refuse.

use domain::{OrderNumber, OrderStatus};
use http_service::openapi::{Refused, in_path, one_of};
use http_service::staff::refused_to_others;
use time::OffsetDateTime;
use time::macros::{date, datetime};
use utoipa::openapi::Object;

use super::problems;
use crate::manual::BumpError;

http_service::refusals! {
    /// Of starting a ticket, and of finishing it.
    BumpRefused: refused_to_others(bump());
    /// Of taking it up again.
    RecallRefused: recall();
    /// Of ticking a line off.
    TickRefused: refused_to_others([
        Refused::new("no_tick", problems::no_tick(&Refused::request_id())),
        Refused::new("no_such_line", problems::no_such_line(&Refused::request_id())),
    ]);
}

const NUMBER: OrderNumber = OrderNumber::new(date!(2026 - 11 - 30), 1);
const MOMENT: OffsetDateTime = datetime!(2026-11-30 08:04:21.453 UTC);

fn of_bump(name: &'static str, why: &BumpError) -> Refused {
    Refused::new(name, problems::of_bump(why, &Refused::request_id()))
}

/// How every step is refused.
fn bump() -> [Refused; 7] {
    let elsewhere = BumpError::Elsewhere {
        number: NUMBER,
        status: OrderStatus::Cooking,
        changed_by: "chef_anna".to_owned(),
        changed_at: MOMENT,
    };
    [
        Refused::new("no_status", problems::no_status(&Refused::request_id())),
        of_bump("not_here", &BumpError::NotHere(NUMBER)),
        of_bump("unknown_order", &BumpError::Unknown),
        of_bump("elsewhere", &elsewhere),
        of_bump("unavailable", &BumpError::Unavailable),
        of_bump("stopping", &BumpError::Stopping),
        of_bump("outcome_unknown", &BumpError::OutcomeUnknown),
    ]
}

fn recall() -> Vec<Refused> {
    let anna = || "chef_anna".to_owned();
    let of_another = BumpError::OfAnother { number: NUMBER, finished_by: anna(), changed_at: MOMENT };
    let too_late = BumpError::TooLate { number: NUMBER, changed_by: anna(), changed_at: MOMENT };
    let others = [of_bump("of_another", &of_another), of_bump("too_late", &too_late)];
    refused_to_others(bump().into_iter().chain(others))
}

/// The words of what cuts a board off.
pub fn cause() -> Object {
    one_of(["database", "broker"])
}

http_service::parameters! {
    /// `{line}` in the path.
    LineInPath: in_path::<u32>("line", "The place of the line on the ticket, from 0.");
}
