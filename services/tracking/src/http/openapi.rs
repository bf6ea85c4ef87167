//! The description of this service's interface: what its handlers say of themselves, with examples.

mod samples;

use std::sync::LazyLock;

use http_service::conditional::Json;
use http_service::description::complete;
use utoipa::OpenApi as _;

use super::{estimate, figures, kitchen, orders, pages, streams};

/// The operations. Routes that are not among them are found by `tools/testkit/tests/openapi`.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tracking service",
        description = "Tells what becomes of orders, and what the kitchen and its workers do. It changes nothing. `HEAD` is answered wherever `GET` is. Every refusal is a problem (RFC 9457).",
    ),
    paths(
        super::status,
        super::history,
        estimate::of_order,
        pages::order,
        super::order_status,
        pages::board,
        streams::of_order,
        streams::of_all,
        super::workers,
        orders::list,
        kitchen::tickets,
        figures::figures,
        pages::track,
        pages::kitchen,
        ::web::docs,
    ),
    tags(
        (name = "Orders", description = "What becomes of them"),
        (name = "Board", description = "For guests who wait at the counter"),
        (name = "Streams", description = "Changes as they happen"),
        (name = "Workers"),
        (name = "For the staff"),
        (name = "Signing in", description = "Of the staff, in a browser"),
        (name = "Pages", description = "For browsers"),
        (name = "Probes", description = "For operators and orchestrators"),
        (name = "Description"),
    ),
)]
struct Described;

/// What `/openapi.json` says.
pub static DESCRIPTION: LazyLock<Json> = LazyLock::new(|| complete(Described::openapi(), &samples::all()));
