//! The HTTP adapter of the use cases: the paths, requests into commands, errors into problems.

mod changes;
mod credentials;
mod health;
mod menu;
mod menu_problem;
mod placing;
mod quoting;
mod refusal;
mod staff;
mod stock;

use std::sync::Arc;

use ::web::{Page, Settings};
use actix_web::{HttpRequest, HttpResponse, web};
use bus::LinkState;
use db::Database;
use http_service::health::{Health as Probed, routes as probes};
use http_service::resource::{postable, readable, resource};
use http_service::staff::{self as sign_in, Gate};
use logging::Log;

use self::health::Health;
use crate::NAME;
use crate::changes::Changes;
use crate::menu::{Board, Editing, Stock};
use crate::placing::Placing;
use crate::readiness::Readiness;

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    pub placing: Placing,
    pub changes: Changes,
    pub board: Board,
    pub editing: Editing,
    pub stock: Stock,
    /// The currency of all prices (ISO 4217).
    pub currency: String,
    pub readiness: Readiness,
    /// The connection over which orders come as messages, if they do.
    pub intake: Option<LinkState>,
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
        Health { db: self.db.clone(), readiness: self.readiness.clone(), intake: self.intake.clone() }
    }
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    let health: Arc<dyn Probed> = Arc::new(api.health());
    let gate = api.gate.clone();
    let pages = api.pages.clone();
    app.app_data(web::Data::new(api))
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
        .configure(|app| sign_in::routes(app, &gate, "staff"))
        .service(readable("/", order_page))
        .configure(|app| probes(app, NAME, &health))
        .configure(|app| ::web::asset_routes(app, pages))
        .default_service(web::to(::web::not_found));
}

/// Where guests order.
async fn order_page(request: HttpRequest) -> HttpResponse {
    ::web::show(Page::Order, &request)
}
