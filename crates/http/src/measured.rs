//! Measures how long requests take, by the route that took them.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::dev::ServiceResponse;
use telemetry::http::{Route, UNMATCHED};
use telemetry::metrics::HTTP_REQUESTS;

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

/// Counts a request that is answered, if its server is measured.
pub(crate) fn count<B>(response: &ServiceResponse<B>, began: Instant) {
    let request = response.request();
    if request.app_data::<Measured>().is_some() {
        let route = request.app_data::<Arc<Route>>().unwrap_or(&*OTHERS);
        route.observe(request.method().as_str(), response.status().as_u16(), began.elapsed());
    }
}
