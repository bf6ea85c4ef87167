//! What the handlers of requests need, and what they ask of it first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::StatusCode;
use bus::Publisher;
use db::Database;
use domain::{OrderTokenKey, RequestId};
use http_service::Problem;
use logging::Log;

use crate::admission::{Admission, Permit};
use crate::idempotency::KeysInWork;
use crate::staff_key::WrongKeys;
use crate::wakeup::Wakeup;
use crate::writer::Writer;

/// Seconds after which a client that came too early, or was turned away, should come back.
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

    /// The key that order tokens are made with, once the database has said which it is.
    pub fn order_token_key(&self) -> Option<OrderTokenKey> {
        self.order_tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The database says which key it is.
    pub fn set_order_tokens(&self, key: OrderTokenKey) {
        *self.order_tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// From now on orders are taken.
    pub fn open(&self) {
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

    /// A place among the orders in work.
    ///
    /// # Errors
    /// 503: all are taken.
    pub async fn admit(&self, log: &Log) -> Result<Permit, Problem> {
        if let Some(permit) = self.admission.wait().await {
            return Ok(permit);
        }
        let detail = "Too many orders are in work at the moment. Try again in a second.";
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, log.request_id()).retry_after(RETRY_AFTER);
        log.error("order_turned_away", "Too many orders are in work (--max-concurrent)", &problem)
            .emit_limited();
        Err(problem)
    }
}
