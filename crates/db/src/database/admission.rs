//! What the circuit breaker sees of a handle's statements, and whom it lets through.

use std::sync::Arc;
use std::time::Duration;

use logging::Log;

use super::{Database, DbError, PoolChoice};
use crate::breaker::{Breaker, Watched};

impl Database {
    /// With a circuit breaker, which [`admit_request`](Self::admit_request) asks. It opens when
    /// statements [of requests](Self::for_requests) fail.
    #[must_use]
    pub fn with_breaker(self, log: &Log) -> Self {
        Self { breaker: Some(Arc::new(Breaker::new(log))), ..self }
    }

    /// With the breaker of `other`, a handle to the same server: it watches the statements of both.
    #[must_use]
    pub fn with_breaker_of(self, other: &Self) -> Self {
        Self { breaker: other.breaker.clone(), ..self }
    }

    /// A handle for statements that a request from outside waits for.
    #[must_use]
    pub fn for_requests(&self) -> Self {
        Self { serves_requests: true, ..self.clone() }
    }

    /// A handle for statements that nobody outside waits for, and that are tried again.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { serves_requests: false, ..self.clone() }
    }

    /// Whether a request is let through. Whether it needs the database is asked only if the
    /// breaker is open.
    ///
    /// # Errors
    /// The database does not answer at the moment: the time after which to ask again.
    pub fn admit_request(&self, needs_database: impl FnOnce() -> bool) -> Result<(), Duration> {
        match &self.breaker {
            Some(breaker) if !breaker.is_closed() && needs_database() => breaker.admit(),
            _ => Ok(()),
        }
    }

    /// Whether the breaker, if there is one, is closed.
    pub(crate) fn is_admitting_all(&self) -> bool {
        self.breaker.as_ref().is_none_or(|breaker| breaker.is_closed())
    }

    /// Something begins with a connection of this pool, before the eyes of the breaker.
    pub(super) fn begin(&self, choice: PoolChoice) -> Begun<'_> {
        // The reserved connections may work while the others hang.
        let breaker = self.breaker.as_deref().filter(|_| choice == PoolChoice::Shared);
        Begun {
            watched: breaker.map(|breaker| (breaker, breaker.begin(self.pools.label))),
            serves_requests: self.serves_requests,
        }
    }
}

/// What began with a connection. The breaker hears nothing of it if it is abandoned.
pub(super) struct Begun<'a> {
    /// `None`: nobody watches.
    watched: Option<(&'a Breaker, Watched)>,
    /// Whether a request from outside waits for it.
    serves_requests: bool,
}

impl Begun<'_> {
    /// Tells the breaker the end.
    pub(super) fn ended<T>(self, ended: Result<T, DbError>) -> Result<T, DbError> {
        if let Some((breaker, watched)) = self.watched {
            breaker.ended(watched, &ended, self.serves_requests);
        }
        ended
    }
}
