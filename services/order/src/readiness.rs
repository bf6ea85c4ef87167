//! Whether this process can take orders already: the database has said which key the order tokens
//! are made with, and the broker can be reached.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bus::Publisher;
use domain::OrderTokenKey;

/// What the service waits for at its start; cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    publisher: Publisher,
    accept_while_broker_down: bool,
    /// Read once the tables are there. A database that is made anew has another key.
    order_tokens: Arc<RwLock<Option<OrderTokenKey>>>,
    /// Whether orders could be taken once. From then on a missing server is a failure.
    has_opened: Arc<AtomicBool>,
}

/// What the service still waits for. Nothing is wrong yet: it is too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The key of the order tokens was not read yet.
    #[error("the service waits for its database")]
    Database,
    /// Orders could never be taken so far.
    #[error("the service takes no orders yet")]
    Opening,
}

impl Readiness {
    /// Nothing is there yet.
    pub fn new(publisher: Publisher, accept_while_broker_down: bool) -> Self {
        Self { publisher, accept_while_broker_down, order_tokens: Arc::default(), has_opened: Arc::default() }
    }

    /// The key that order tokens are made with.
    ///
    /// # Errors
    /// The database has not said yet which it is.
    pub fn order_tokens(&self) -> Result<OrderTokenKey, NotReady> {
        self.order_tokens.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(NotReady::Database)
    }

    /// Sets the key that the database names.
    pub fn set_order_tokens(&self, key: OrderTokenKey) {
        *self.order_tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// Refuses orders until they can be taken for the first time.
    ///
    /// # Errors
    /// It is too early.
    pub fn check_open(&self) -> Result<(), NotReady> {
        if self.has_opened.load(Ordering::Relaxed) {
            return Ok(());
        }
        let has_broker = self.accept_while_broker_down || self.can_send_orders();
        if has_broker && self.order_tokens().is_ok() {
            self.open();
            return Ok(());
        }
        Err(NotReady::Opening)
    }

    /// From now on orders are taken.
    pub fn open(&self) {
        self.has_opened.store(true, Ordering::Relaxed);
    }

    /// Whether the broker takes orders at the moment.
    pub fn can_send_orders(&self) -> bool {
        self.publisher.can_send_orders()
    }

    /// Whether orders are stored without a broker, and sent when it is back.
    pub fn accepts_while_broker_down(&self) -> bool {
        self.accept_while_broker_down
    }
}
