//! The HTTP adapter of the use cases: the paths, requests into commands, errors into problems.

mod changes;
mod credentials;
mod health;
mod placing;
mod refusal;
mod wrong_keys;

use actix_web::web;
use db::Database;
use http_service::health::live;
use http_service::resource::{postable, readable};
use logging::Log;
use secrecy::SecretString;

pub use self::wrong_keys::WrongKeys;
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

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    app.app_data(web::Data::new(api))
        .service(postable("/orders", placing::place))
        .service(postable("/orders/{number}/cancel", changes::cancel))
        .service(postable("/orders/{number}/complete", changes::complete))
        .service(readable("/health", health::health))
        .service(readable("/readyz", health::health))
        .service(readable("/livez", live))
        .default_service(web::to(http_service::problem::not_found));
}
