//! The description of this service's interface: what its handlers say of themselves, with examples.

mod samples;

use std::sync::LazyLock;

use http_service::conditional::Json;
use http_service::description::complete;
use utoipa::OpenApi as _;

use super::{changes, dead_letters, intake, menu, pages, placing, quoting, stock};

/// The operations. Routes that are not among them are found by `tools/testkit/tests/openapi`.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Order service",
        description = "Takes, cancels and completes orders; shows and edits the menu and its stock. `HEAD` is answered wherever `GET` is. Every refusal is a problem (RFC 9457).",
    ),
    paths(
        placing::place,
        changes::cancel,
        changes::complete,
        menu::show,
        quoting::calculate,
        stock::check,
        intake::show,
        intake::pause,
        intake::resume,
        menu::put,
        menu::delete,
        menu::mark_sold_out,
        menu::bring_back,
        stock::list,
        stock::set_left,
        stock::restock,
        dead_letters::show,
        pages::order,
        pages::staff,
        ::web::docs,
    ),
    tags(
        (name = "Orders", description = "Placing, cancelling and completing"),
        (name = "Menu", description = "What there is, and what it costs"),
        (name = "Intake", description = "Whether orders are taken"),
        (name = "Menu and stock, for the staff"),
        (name = "Signing in", description = "Of the staff, in a browser"),
        (name = "Pages", description = "For browsers"),
        (name = "Probes", description = "For operators and orchestrators"),
        (name = "Description"),
    ),
)]
struct Described;

/// What `/openapi.json` says.
pub static DESCRIPTION: LazyLock<Json> = LazyLock::new(|| complete(Described::openapi(), &samples::all()));
