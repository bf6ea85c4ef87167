//! The HTTP interface: the paths, what their handlers need, and the probes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use bus::Publisher;
use db::Database;
use db::rights::Client;
use domain::{OrderTokenKey, RequestId};
use http_service::Problem;
use http_service::health::{self, CHECK_DEADLINE, Check};
use http_service::resource::{postable, readable};
use logging::Log;
use runtime::config;
use tokio::time::timeout;

use crate::admission::Admission;
use crate::idempotency::KeysInWork;
use crate::staff_key::WrongKeys;
use crate::wakeup::Wakeup;
use crate::writer::Writer;
use crate::{NAME, changes, placing};

/// Seconds after which a client that came too early should come back.
const RETRY_AFTER: u64 = 1;

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    pub settings: config::Order,
    pub admission: Admission,
    pub keys: KeysInWork,
    pub wrong_keys: WrongKeys,
    pub writer: Writer,
    pub relay: Wakeup,
    pub db: Database,
    /// The key that order tokens are made with. It is read once the tables are there: until then
    /// the service is not ready. A database that is made anew has another one.
    pub order_tokens: Arc<RwLock<Option<OrderTokenKey>>>,
    pub publisher: Publisher,
    /// Whether orders could be taken once.
    pub has_opened: Arc<AtomicBool>,
    pub log: Log,
}

impl Api {
    /// Refuses orders until they can be taken for the first time: until then nothing is wrong, it
    /// is too early.
    ///
    /// # Errors
    /// It is too early: 503.
    pub fn check_open(&self, id: &RequestId) -> Result<(), Problem> {
        if self.has_opened.load(Ordering::Relaxed) {
            return Ok(());
        }
        let has_broker = self.settings.accept_while_broker_down || self.publisher.can_send_orders();
        if has_broker && self.order_token_key().is_some() {
            self.open();
            return Ok(());
        }
        let detail = "The service is starting and takes no orders yet. Try again in a second.";
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER))
    }

    fn order_token_key(&self) -> Option<OrderTokenKey> {
        self.order_tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The database says which key it is.
    pub fn set_order_tokens(&self, key: OrderTokenKey) {
        *self.order_tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    fn open(&self) {
        self.has_opened.store(true, Ordering::Relaxed);
    }

    /// The key that order tokens are made with.
    ///
    /// # Errors
    /// 503: the service still waits for its database.
    pub fn order_tokens(&self, log: &Log) -> Result<OrderTokenKey, Problem> {
        self.order_token_key().ok_or_else(|| {
            let detail = "The service is starting: it waits for its database. Try again in a second.";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, log.request_id())
                .retry_after(RETRY_AFTER);
            log.error("order_turned_away", "The service is not ready yet", &problem).emit_limited();
            problem
        })
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
    let usable = async {
        api.db.takes_writes().await?;
        db::startup::has_tables(&api.db, Client::Order).await
    };
    let usable = matches!(timeout(CHECK_DEADLINE, usable).await, Ok(Ok(true))) && !api.db.lacks_tables();
    let checks = [
        Check::needed("database", usable && api.order_token_key().is_some()),
        Check {
            name: "rabbitmq",
            healthy: api.publisher.can_send_orders(),
            // Orders are stored, and sent when the broker is back.
            dispensable: api.settings.accept_while_broker_down,
        },
    ];
    if checks.iter().all(|check| check.healthy || check.dispensable) {
        // Whoever reads this may order.
        api.open();
    }
    health::report(NAME, &checks)
}
