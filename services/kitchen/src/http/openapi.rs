//! The description of a manual worker's interface: what its handlers say of themselves, with
//! examples.

use std::sync::LazyLock;

use domain::{OrderNumber, OrderStatus};
use http_service::event_stream::too_many_streams;
use http_service::openapi::{Refused, Sample, add_examples, complete, staff_refusals};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::{date, datetime};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{OpenApi, Required};
use utoipa::{IntoParams, OpenApi as _};

use super::{bumping, page, stream, tickets};
use crate::manual::BumpError;

/// The operations. Routes that are not among them are found by `tools/testkit/tests/openapi`.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Manual kitchen worker",
        description = "The tickets of one worker whose cook is a person (`kitchen-worker --manual`). All of it is the staff's. `HEAD` is answered wherever `GET` is. Every refusal is a problem (RFC 9457).",
    ),
    paths(
        tickets::all,
        bumping::start,
        bumping::ready,
        bumping::recall,
        tickets::tick,
        stream::changes,
        page::cook,
        ::web::docs,
    ),
    tags(
        (name = "Tickets", description = "What is to be cooked, and what is done with it"),
        (name = "Signing in", description = "Of the staff, in a browser"),
        (name = "Pages", description = "For browsers"),
        (name = "Probes", description = "For operators and orchestrators"),
        (name = "Description"),
    ),
)]
struct Described;

/// What `/openapi.json` says.
pub static DESCRIPTION: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut description = complete(Described::openapi());
    add_examples(&mut description, &samples());
    description
});

http_service::refusals! {
    /// Of what the staff reads.
    StaffRefused: staff_refusals();
    /// Of the stream.
    StreamRefused: staff([Refused::new("too_many_streams", too_many_streams(&Refused::request_id()))]);
    /// Of a step of a ticket.
    BumpRefused: bump();
    /// Of ticking a line off.
    TickRefused: staff([
        Refused::new("no_tick", tickets::no_tick(&Refused::request_id())),
        Refused::new("no_such_line", tickets::no_such_line(&Refused::request_id())),
    ]);
}

const NUMBER: OrderNumber = OrderNumber::new(date!(2026 - 11 - 30), 1);
const MOMENT: OffsetDateTime = datetime!(2026-11-30 08:04:21.453 UTC);

fn staff<const N: usize>(others: [Refused; N]) -> Vec<Refused> {
    staff_refusals().into_iter().chain(others).collect()
}

fn bump() -> Vec<Refused> {
    let refused = |name, why: BumpError| {
        let id = Refused::request_id();
        Refused::new(name, bumping::problem(&why, &id))
    };
    let (number, anna) = (NUMBER, || "chef_anna".to_owned());
    staff([
        Refused::new("no_status", bumping::no_status(&Refused::request_id())),
        refused("not_here", BumpError::NotHere(number)),
        refused("unknown_order", BumpError::Unknown),
        refused(
            "elsewhere",
            BumpError::Elsewhere {
                number,
                status: OrderStatus::Cooking,
                changed_by: anna(),
                changed_at: MOMENT,
            },
        ),
        refused("of_another", BumpError::OfAnother { number, finished_by: anna(), changed_at: MOMENT }),
        refused("too_late", BumpError::TooLate { number, changed_by: anna(), changed_at: MOMENT }),
        refused("unavailable", BumpError::Unavailable),
        refused("stopping", BumpError::Stopping),
        refused("outcome_unknown", BumpError::OutcomeUnknown),
    ])
}

/// `{line}` in the path.
pub struct LineInPath;

impl IntoParams for LineInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(0));
        let parameter = ParameterBuilder::new()
            .name("line")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The place of the line on the ticket, from 0."))
            .schema(Some(schema));
        vec![parameter.build()]
    }
}

fn samples() -> Vec<Sample> {
    let ticket = json!({
        "order_number": "ORD_20261130_001", "order_type": "takeout", "status": "cooking", "priority": 1,
        "customer_name": "Jane Doe", "table_number": null, "processed_by": "chef_anna",
        "created_at": "2026-11-30T08:04:11.453Z", "updated_at": "2026-11-30T08:04:21.453Z",
        "changed_by": "chef_anna", "estimated_completion": "2026-11-30T08:04:31.453Z", "ours": true,
        "recalled": false, "was_cooking": false,
        "items": [{ "name": "Margherita Pizza", "quantity": 1, "done": false }],
    });
    let tickets = json!({
        "worker": "chef_anna", "as_of": "2026-11-30T08:04:25.000Z", "tickets": [ticket.clone()], "done": [],
        "all_day": [{ "name": "Margherita Pizza", "received": 0, "cooking": 1 }],
        "cooking_times": [
            { "order_type": "takeout", "finished": 12, "median_seconds": 10, "p90_seconds": 11 },
        ],
        "cut_off": null,
    });
    let sample = |schema, name, summary, value: Value| Sample { schema, name, summary, value };
    vec![
        sample("Tickets", "one", "One order is being cooked", tickets),
        sample("Ticket", "cooking", "It is being cooked", ticket),
        sample("SeenStatus", "usual", "The status that the step usually begins with", json!({})),
        sample("LineTick", "done", "The line is done", json!({ "done": true })),
    ]
}
