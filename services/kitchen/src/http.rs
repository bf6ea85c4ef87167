//! The HTTP interface of a manual worker: its page, its tickets, what people do with them, and the
//! probes. Everything but the probes and the files of the page is the staff's.

mod body;
mod bumping;
mod described;
mod openapi;
mod page;
mod problems;
mod stream;
mod tickets;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::description::routes as description;
use http_service::health::{self, Health};
use http_service::request_id;
use http_service::resource::{postable, readable};
use http_service::staff::{self, Access, Gate};
use logging::Log;
use runtime::Shutdown;

use crate::NAME;
use crate::manual::{Board, Bumping};

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    pub bumping: Bumping,
    pub board: Board,
    /// Decides who is staff.
    pub gate: Gate,
    /// What the page knows of the configuration.
    pub pages: ::web::Settings,
    /// Streams end when it begins.
    pub closing: Shutdown,
    pub log: Log,
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api, probes: &Arc<dyn Health>) {
    let (gate, pages) = (api.gate.clone(), api.pages.clone());
    app.app_data(web::Data::new(api))
        .service(readable("/", page::cook))
        .service(readable("/tickets", tickets::all))
        .service(postable("/tickets/{number}/start", bumping::start))
        .service(postable("/tickets/{number}/ready", bumping::ready))
        .service(postable("/tickets/{number}/recall", bumping::recall))
        .service(postable("/tickets/{number}/lines/{line}", tickets::tick))
        .service(readable("/events", stream::changes))
        .configure(|app| staff::routes(app, &gate, ""))
        .configure(|app| health::routes(app, NAME, probes))
        .configure(|app| description(app, &openapi::DESCRIPTION))
        .configure(|app| ::web::asset_routes(app, pages))
        .default_service(web::to(::web::not_found));
}

/// The log of a request of the staff.
///
/// # Errors
/// It is not the staff's. The response to send instead.
async fn of_staff(request: &HttpRequest, api: &Api, access: Access) -> Result<Log, HttpResponse> {
    let log = api.log.with_request_id(request_id::of(request));
    match api.gate.verify(request, access) {
        Ok(()) => Ok(log),
        Err(refusal) => Err(refusal.answer(&log).await),
    }
}
