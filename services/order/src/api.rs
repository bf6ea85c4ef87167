//! The HTTP interface: the paths, what their handlers need, and the probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpResponse, web};
use bus::Publisher;
use db::{Database, DbError, secrets};
use domain::OrderTokenKey;
use http_service::health::{self, CHECK_DEADLINE, Check};
use http_service::resource::{postable, readable};
use logging::Log;
use runtime::config;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::admission::Admission;
use crate::idempotency::KeysInWork;
use crate::relay::Nudge;
use crate::staff_key::WrongKeys;
use crate::writer::Writer;
use crate::{NAME, changes, placing};

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    pub settings: config::Order,
    pub admission: Admission,
    pub keys: KeysInWork,
    pub wrong_keys: WrongKeys,
    pub writer: Writer,
    pub relay: Nudge,
    pub db: Database,
    /// Whether the tables are there.
    pub schema_ready: Arc<AtomicBool>,
    pub order_tokens: Arc<OnceCell<OrderTokenKey>>,
    pub publisher: Publisher,
    pub log: Log,
}

impl Api {
    /// The key that order tokens are made with; asked for once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn order_tokens(&self) -> Result<&OrderTokenKey, DbError> {
        self.order_tokens.get_or_try_init(|| secrets::order_token_key(&self.db)).await
    }
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    app.app_data(web::Data::new(api))
        .service(postable("/orders", placing::place_order))
        .service(postable("/orders/{number}/cancel", changes::cancel))
        .service(postable("/orders/{number}/complete", changes::complete))
        .service(readable("/health", health))
        .service(readable("/readyz", health))
        .service(readable("/livez", health::live))
        .default_service(web::to(http_service::problem::not_found));
}

async fn health(api: web::Data<Api>) -> HttpResponse {
    let answers = matches!(timeout(CHECK_DEADLINE, api.db.ping()).await, Ok(Ok(())));
    let checks = [
        Check { name: "database", healthy: answers && api.schema_ready.load(Ordering::Relaxed) },
        Check { name: "rabbitmq", healthy: api.publisher.can_send_orders() },
    ];
    health::report(NAME, &checks)
}
