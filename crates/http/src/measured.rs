//! Measures how long requests take, by the route that took them, and ends their spans.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;
use telemetry::http::{Route, UNMATCHED};
use telemetry::metrics::HTTP_REQUESTS;
use telemetry::traces::{Span, conventions};

/// The data of a server whose requests are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured;

/// Of what no route took.
static OTHERS: LazyLock<Arc<Route>> = LazyLock::new(|| HTTP_REQUESTS.route(UNMATCHED, &["GET"]));

/// The data of a resource: where its requests are counted. Made once, so that a request allocates
/// nothing.
pub(crate) fn route(pattern: &str, methods: &str) -> Arc<Route> {
    let methods: Vec<&str> = methods.split(", ").collect();
    HTTP_REQUESTS.route(pattern, &methods)
}

/// Counts a request that is answered, if its server is measured. Its span ends.
pub(crate) fn count<B>(response: &ServiceResponse<B>, began: Instant, mut span: Span) {
    let request = response.request();
    if request.app_data::<Measured>().is_none() {
        return;
    }
    let (method, status, took) = (request.method().as_str(), response.status().as_u16(), began.elapsed());
    let taken = request.app_data::<Arc<Route>>();
    let refused = if taken.is_none() { would_take(request) } else { None };
    match (taken, &refused) {
        (Some(route), _) => route.observe(method, status, took),
        (None, Some(route)) => route.observe_unrouted(method, status, took),
        (None, None) => OTHERS.observe(method, status, took),
    }
    let route = taken.or(refused.as_ref()).unwrap_or(&*OTHERS);
    conventions::answered(&mut span, method, Some(route.pattern()), status);
}

/// The route of a request that was answered before it was routed: refused for its client, its page
/// or the breaker.
fn would_take(request: &HttpRequest) -> Option<Arc<Route>> {
    HTTP_REQUESTS.find(&request.match_pattern()?)
}
