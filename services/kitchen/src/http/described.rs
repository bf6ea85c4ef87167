//! What handlers say of themselves beside their code: a parameter, and how they refuse.

use domain::{OrderNumber, OrderStatus};
use http_service::openapi::{Refused, in_path};
use http_service::staff::refused_to_others;
use time::OffsetDateTime;
use time::macros::{date, datetime};

use super::problems;
use crate::manual::BumpError;

http_service::refusals! {
    /// Of a step of a ticket.
    BumpRefused: bump();
    /// Of ticking a line off.
    TickRefused: refused_to_others([
        Refused::new("no_tick", problems::no_tick(&Refused::request_id())),
        Refused::new("no_such_line", problems::no_such_line(&Refused::request_id())),
    ]);
}

const NUMBER: OrderNumber = OrderNumber::new(date!(2026 - 11 - 30), 1);
const MOMENT: OffsetDateTime = datetime!(2026-11-30 08:04:21.453 UTC);

fn bump() -> Vec<Refused> {
    let refused = |name, why: BumpError| Refused::new(name, problems::of_bump(&why, &Refused::request_id()));
    let (number, anna) = (NUMBER, || "chef_anna".to_owned());
    let elsewhere =
        BumpError::Elsewhere { number, status: OrderStatus::Cooking, changed_by: anna(), changed_at: MOMENT };
    refused_to_others([
        Refused::new("no_status", problems::no_status(&Refused::request_id())),
        refused("not_here", BumpError::NotHere(number)),
        refused("unknown_order", BumpError::Unknown),
        refused("elsewhere", elsewhere),
        refused("of_another", BumpError::OfAnother { number, finished_by: anna(), changed_at: MOMENT }),
        refused("too_late", BumpError::TooLate { number, changed_by: anna(), changed_at: MOMENT }),
        refused("unavailable", BumpError::Unavailable),
        refused("stopping", BumpError::Stopping),
        refused("outcome_unknown", BumpError::OutcomeUnknown),
    ])
}

http_service::parameters! {
    /// `{line}` in the path.
    LineInPath: in_path::<u32>("line", "The place of the line on the ticket, from 0.");
}
