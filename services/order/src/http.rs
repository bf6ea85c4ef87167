//! The HTTP adapter of the use cases: the paths, requests into commands, errors into problems.

mod changes;
mod credentials;
mod dead_letters;
mod described;
mod health;
mod intake;
mod menu;
mod menu_problem;
mod openapi;
mod pages;
mod placing;
mod quoting;
mod refusal;
mod staff;
mod stock;

use std::sync::Arc;

use ::web::Settings;
use actix_web::web;
use db::Database;
use http_service::breaker::Breaker;
use http_service::description::routes as description;
use http_service::health::{Health as Probed, routes as probes};
use http_service::resource::{postable, readable, resource};
use http_service::staff::{self as sign_in, Gate};
use logging::Log;

use self::health::Health;
use crate::NAME;
use crate::acceptance::Acceptance;
use crate::changes::Changes;
use crate::dead_letters::DeadLetters;
use crate::intake::MessagesLink;
use crate::menu::{Board, Editing, Stock};
use crate::placing::Placing;
use crate::readiness::Readiness;

/// The paths of this service that need no database: pages, what the broker says, and orders, whose
/// use case asks the breaker itself.
const WITHOUT_DATABASE: &[&str] = &["/", "/staff", "/staff/dead-letters", "/orders"];

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    pub placing: Placing,
    pub acceptance: Acceptance,
    pub changes: Changes,
    pub board: Board,
    pub editing: Editing,
    pub stock: Stock,
    pub dead_letters: DeadLetters,
    /// The currency of all prices (ISO 4217).
    pub currency: String,
    pub readiness: Readiness,
    /// Whether orders come in as messages at the moment; `None` if they never do.
    pub messages: Option<MessagesLink>,
    /// Decides who is staff.
    pub gate: Gate,
    /// What the pages know of the configuration.
    pub pages: Settings,
    pub db: Database,
    pub log: Log,
}

impl Api {
    /// What the probes look at.
    pub fn health(&self) -> Health {
        Health {
            db: self.db.clone(),
            readiness: self.readiness.clone(),
            acceptance: self.acceptance.clone(),
            messages: self.messages.clone(),
        }
    }
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    let health: Arc<dyn Probed> = Arc::new(api.health());
    let gate = api.gate.clone();
    let pages = api.pages.clone();
    let db = api.db.clone();
    let breaker = Breaker::new(move |needs_database| db.admit_request(needs_database), WITHOUT_DATABASE);
    app.app_data(breaker)
        .app_data(web::Data::new(api))
        .service(postable("/orders", placing::place))
        .service(postable("/orders/{number}/cancel", changes::cancel))
        .service(postable("/orders/{number}/complete", changes::complete))
        .service(readable("/menu", menu::show))
        .service(resource(
            "/menu/items/{id}",
            [web::put().to(menu::put), web::delete().to(menu::delete)],
            "PUT, DELETE",
        ))
        .service(postable("/menu/items/{id}/sold-out", menu::mark_sold_out))
        .service(postable("/menu/items/{id}/back", menu::bring_back))
        .service(postable("/calculate_price", quoting::calculate))
        .service(postable("/check_inventory", stock::check))
        .service(readable("/inventory", stock::list))
        .service(resource("/inventory/{id}", [web::put().to(stock::set_left)], "PUT"))
        .service(postable("/inventory/{id}/restock", stock::restock))
        .service(readable("/intake", intake::show))
        .service(resource(
            "/intake/pause",
            [web::post().to(intake::pause), web::delete().to(intake::resume)],
            "POST, DELETE",
        ))
        .configure(|app| sign_in::routes(app, &gate, "staff"))
        .service(readable("/staff/dead-letters", dead_letters::show))
        .service(readable("/staff", pages::staff))
        .service(readable("/", pages::order))
        .configure(|app| probes(app, NAME, &health))
        .configure(|app| description(app, &openapi::DESCRIPTION))
        .configure(|app| ::web::asset_routes(app, pages))
        .default_service(web::to(::web::not_found));
}
