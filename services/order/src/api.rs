//! The HTTP interface: the paths, what their handlers need, and the probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use bus::Publisher;
use db::{Database, DbError, secrets};
use domain::OrderTokenKey;
use http_service::health::{self, CHECK_DEADLINE, Check};
use http_service::problem::method_not_allowed;
use logging::Log;
use runtime::config;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::admission::Admission;
use crate::idempotency::KeysInWork;
use crate::relay::Nudge;
use crate::writer::Writer;
use crate::{NAME, changes, placing};

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    pub settings: config::Order,
    pub admission: Admission,
    pub keys: KeysInWork,
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
    let post = |path: &str| web::resource(path).default_service(web::to(only_post));
    app.app_data(web::Data::new(api))
        .service(post("/orders").post(placing::place_order))
        .service(post("/orders/{number}/cancel").post(changes::cancel))
        .service(post("/orders/{number}/complete").post(changes::complete))
        .service(web::resource("/health").get(health).default_service(web::to(only_get)))
        .service(web::resource("/readyz").get(health).default_service(web::to(only_get)))
        .service(web::resource("/livez").get(health::live).default_service(web::to(only_get)))
        .default_service(web::to(http_service::problem::not_found));
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "POST")
}

async fn only_get(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "GET")
}

async fn health(api: web::Data<Api>) -> HttpResponse {
    let answers = matches!(timeout(CHECK_DEADLINE, api.db.ping()).await, Ok(Ok(())));
    let checks = [
        Check { name: "database", healthy: answers && api.schema_ready.load(Ordering::Relaxed) },
        Check { name: "rabbitmq", healthy: api.publisher.can_send_orders() },
    ];
    health::report(NAME, &checks)
}
