//! How many requests a client may send in a second: `http.rate_limit`.
//!
//! A request counts when its head is there, so a large body of a request too many is not read. An
//! event stream counts once, when it opens.

mod table;

use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use config::Networks;
use domain::RequestId;
use telemetry::labels::Overload;
use telemetry::metrics::OVERLOAD;

use self::table::Table;
use crate::Problem;
use crate::client_address::client_of;
use crate::health::is_probe;
use crate::peer::Peer;

/// The limit of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct RateLimit(Arc<Limit>);

#[derive(Debug)]
struct Limit {
    rate: u32,
    trusted: Networks,
    table: Table,
}

impl RateLimit {
    /// `None` if there is no limit.
    pub(crate) fn of(settings: &config::Http) -> Option<Self> {
        let rate = settings.rate_limit;
        let trusted = settings.trusted_proxies.clone();
        (rate > 0).then(|| Self(Arc::new(Limit { rate, trusted, table: Table::new(rate) })))
    }
}

/// Counts a request against the limit of its client, if there is one.
///
/// # Errors
/// The response to send instead: 429.
pub(crate) fn check(request: &ServiceRequest, id: &RequestId) -> Result<(), Problem> {
    let Some(RateLimit(limit)) = request.app_data::<RateLimit>() else { return Ok(()) };
    // A balancer that hears nothing would take the service away from everybody.
    if is_probe(request.path()) {
        return Ok(());
    }
    let Some(peer) = request.peer_addr() else { return Ok(()) };
    let client = client_of(peer.ip(), request.headers(), &limit.trusted);
    limit.table.take(Peer::of(client), Instant::now()).map_err(|left| {
        OVERLOAD.of(Overload::RateLimit).inc();
        let detail = format!(
            "More than {} requests a second came from your address. Wait for the time in Retry-After, and send fewer.",
            limit.rate
        );
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail, id).retry_in(left)
    })
}
