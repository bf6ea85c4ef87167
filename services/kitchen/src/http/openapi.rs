//! The description of a manual worker's interface: what its handlers say of themselves, with
//! examples.

use std::sync::LazyLock;

use domain::ServiceName;
use http_service::conditional::Json;
use http_service::description::complete;
use http_service::openapi::{Sample, healthy};
use serde_json::json;
use utoipa::OpenApi as _;

use super::{bumping, page, stream, tickets};

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
pub static DESCRIPTION: LazyLock<Json> = LazyLock::new(|| complete(Described::openapi(), &samples()));

fn samples() -> Vec<Sample> {
    let ticket = json!({
        "order_number": "ORD_20261130_001", "revision": 7, "order_type": "takeout", "status": "cooking",
        "priority": 1, "customer_name": "Jane Doe", "table_number": null, "processed_by": "chef_anna",
        "created_at": "2026-11-30T08:04:11.453Z", "updated_at": "2026-11-30T08:04:21.453Z",
        "changed_by": "chef_anna", "estimated_completion": "2026-11-30T08:04:31.453Z", "ours": true,
        "recalled": false, "was_cooking": false,
        "items": [{ "name": "Margherita Pizza", "quantity": 1, "done": false }],
    });
    let tickets = json!({
        "worker": "chef_anna", "board": 2_891_336_453_u32, "revision": 7,
        "as_of": "2026-11-30T08:04:25.000Z", "tickets": [ticket.clone()], "done": [],
        "all_day": [{ "name": "Margherita Pizza", "received": 0, "cooking": 1 }],
        "cooking_times": [
            { "order_type": "takeout", "finished": 12, "median_seconds": 10, "p90_seconds": 11 },
        ],
        "cut_off": null, "stopping": false,
    });
    vec![
        healthy(ServiceName::Kitchen, &["database", "registration", "rabbitmq"]),
        Sample::new("Tickets", "one", "One order is being cooked", tickets),
        Sample::new("Ticket", "cooking", "It is being cooked", ticket),
        Sample::new("SeenStatus", "usual", "The status that the step usually begins with", json!({})),
        Sample::new("LineTick", "done", "The line is done", json!({ "done": true })),
    ]
}
