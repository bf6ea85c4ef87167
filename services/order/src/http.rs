//! The HTTP adapter of the use cases: the paths, requests into commands, errors into problems.

mod changes;
mod credentials;
mod health;
mod placing;
mod refusal;
mod wrong_keys;

use std::sync::Arc;

use actix_web::web;
use db::Database;
use http_service::health::{Health as Probed, routes as probes};
use http_service::resource::postable;
use logging::Log;
use secrecy::SecretString;

use self::health::Health;
pub use self::wrong_keys::WrongKeys;
use crate::NAME;
use crate::changes::Changes;
use crate::placing::Placing;
use crate::readiness::Readiness;

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    pub placing: Placing,
    pub changes: Changes,
    pub readiness: Readiness,
    /// Proves that somebody is staff; empty if nobody is.
    pub staff_key: SecretString,
    pub wrong_keys: WrongKeys,
    pub db: Database,
    pub log: Log,
}

impl Api {
    /// What the probes look at.
    pub fn health(&self) -> Health {
        Health { db: self.db.clone(), readiness: self.readiness.clone() }
    }
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    let health: Arc<dyn Probed> = Arc::new(api.health());
    app.app_data(web::Data::new(api))
        .service(postable("/orders", placing::place))
        .service(postable("/orders/{number}/cancel", changes::cancel))
        .service(postable("/orders/{number}/complete", changes::complete))
        .configure(|app| probes(app, NAME, &health))
        .default_service(web::to(http_service::problem::not_found));
}
