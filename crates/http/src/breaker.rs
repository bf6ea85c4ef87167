//! Requests that need a server are refused while it is known not to answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use domain::RequestId;
use serde_json::json;
use telemetry::labels::Overload;
use telemetry::metrics::OVERLOAD;

use crate::Problem;

/// What is asked before a request is let through. It asks back whether the request needs the
/// database, if that makes a difference. An error is the time to wait.
type Admission = dyn Fn(&dyn Fn() -> bool) -> Result<(), Duration> + Send + Sync;

/// The data of a service whose requests need a database. Cheap to clone.
#[derive(Clone)]
pub struct Breaker {
    admission: Arc<Admission>,
    spared: &'static [&'static str],
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("spared", &self.spared).finish_non_exhaustive()
    }
}

/// The paths of every service that need no database: probes, the description, the sign-in, and what
/// browsers load.
const SPARED: [&str; 8] = [
    "/livez",
    "/readyz",
    "/health",
    "/openapi.json",
    "/docs",
    "/staff/session",
    "/assets/settings.js",
    "/assets/{name}",
];

impl Breaker {
    /// Asks `admission` before each request. Those for the spared patterns of paths need no
    /// database.
    pub fn new(
        admission: impl Fn(&dyn Fn() -> bool) -> Result<(), Duration> + Send + Sync + 'static,
        spared: &'static [&'static str],
    ) -> Self {
        Self { admission: Arc::new(admission), spared }
    }

    /// A path that leads nowhere is told so.
    fn spares(&self, request: &ServiceRequest) -> bool {
        let pattern = request.match_pattern();
        pattern.is_none_or(|pattern| SPARED.iter().chain(self.spared).any(|spared| *spared == pattern))
    }
}

/// Lets a request through, unless it needs the database and the breaker is open.
///
/// # Errors
/// The response to send instead: 503.
pub(crate) fn check(request: &ServiceRequest, id: &RequestId) -> Result<(), Problem> {
    let Some(breaker) = request.app_data::<Breaker>() else { return Ok(()) };
    (breaker.admission)(&|| !breaker.spares(request)).map_err(|left| {
        OVERLOAD.of(Overload::Breaker).inc();
        database_away(left, id)
    })
}

/// The answer while the database does not answer, for those who ask the breaker themselves.
pub fn database_away(left: Duration, id: &RequestId) -> Problem {
    let detail = "The database does not answer at the moment. Nothing was done. Wait for the time in Retry-After, then try again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id)
        .retry_in(left)
        .with("code", json!("database_away"))
}
