//! How long HTTP requests take, by method, route and status.
//!
//! A route is the pattern, as the service defines it, and never the path of a request. So what
//! clients invent adds no series. Methods and statuses without a place of their own share one. So
//! do the methods that a route does not take: otherwise anybody could make eight series of each
//! route, until the page is too large to be shown. That holds for requests too that are refused
//! before a route sees them.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::histogram::{Histogram, Short};
use crate::instrument::{Instrument, Member as _};

/// The route of what no route takes.
pub const UNMATCHED: &str = "unmatched";

const OTHER: &str = "other";
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const STATUSES: [u16; 31] = [
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412,
    413, 414, 415, 421, 422, 429, 431, 500, 503, 504,
];
/// The statuses that are shown from the start. Without failures among them, a rate would miss the
/// first ones: it sees only how far a series that is there has grown.
const FROM_THE_START: [u16; 3] = [200, 500, 503];
/// The status of a method that a route does not take.
const NOT_TAKEN: u16 = 405;
/// With a place for others.
const STATUS_PLACES: usize = STATUSES.len() + 1;

/// The durations of all requests.
#[derive(Debug, Default)]
pub struct RequestDurations {
    /// Written when a route is defined, which is before requests come. A request that a route takes
    /// does not look here.
    routes: RwLock<Vec<Arc<Route>>>,
}

/// The requests of one route.
#[derive(Debug)]
pub struct Route {
    pattern: String,
    /// By method, then by status. A series is made by the first request that needs it.
    series: Box<[OnceLock<Box<Histogram<Short>>>]>,
}

impl RequestDurations {
    /// The route of this pattern. Successes of these methods, and failures of the service, are
    /// shown from the start, as none.
    pub fn route(&self, pattern: &str, methods: &[&str]) -> Arc<Route> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.iter().find(|route| route.pattern == pattern).cloned();
        let route = known.unwrap_or_else(|| {
            let route = Arc::new(Route::new(pattern));
            routes.push(Arc::clone(&route));
            route
        });
        for method in methods {
            for status in FROM_THE_START {
                route.series(method, status);
            }
        }
        route
    }

    /// The route of this pattern, if it is defined.
    pub fn find(&self, pattern: &str) -> Option<Arc<Route>> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.iter().find(|route| route.pattern == pattern).cloned()
    }

    fn routes(&self) -> Vec<Arc<Route>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Route {
    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    fn new(pattern: &str) -> Self {
        let places = (METHODS.len() + 1) * STATUS_PLACES;
        Self { pattern: pattern.to_owned(), series: (0..places).map(|_| OnceLock::new()).collect() }
    }

    /// Counts a request.
    pub fn observe(&self, method: &str, status: u16, took: Duration) {
        let method = if status == NOT_TAKEN { OTHER } else { method };
        if let Some(series) = self.series(method, status) {
            series.observe_time(took);
        }
    }

    /// Counts a request that was answered before it came to the route, so before anybody looked
    /// whether the route takes its method.
    pub fn observe_unrouted(&self, method: &str, status: u16, took: Duration) {
        let method = if self.takes(method) { method } else { OTHER };
        self.observe(method, status, took);
    }

    /// Whether it takes this method. The successes of one that it takes are shown from the start;
    /// who takes GET takes HEAD.
    fn takes(&self, method: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        self.place(method, 200).is_some_and(|series| series.get().is_some())
    }

    fn series(&self, method: &str, status: u16) -> Option<&Histogram<Short>> {
        Some(self.place(method, status)?.get_or_init(Box::default))
    }

    fn place(&self, method: &str, status: u16) -> Option<&OnceLock<Box<Histogram<Short>>>> {
        let method = METHODS.iter().position(|each| *each == method).unwrap_or(METHODS.len());
        let status = STATUSES.iter().position(|each| *each == status).unwrap_or(STATUSES.len());
        self.series.get(method * STATUS_PLACES + status)
    }

    fn show(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let methods = METHODS.into_iter().chain([OTHER]);
        let statuses = || STATUSES.into_iter().map(Some).chain([None]);
        let labels = methods.flat_map(|method| statuses().map(move |status| (method, status)));
        for ((method, status), series) in labels.zip(&self.series) {
            let Some(series) = series.get() else { continue };
            let status = status.map_or_else(|| OTHER.to_owned(), |status| status.to_string());
            let labels = [("method", method), ("route", self.pattern.as_str()), ("status", status.as_str())];
            series.show_one(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Instrument for RequestDurations {
    fn kind(&self) -> MetricType {
        MetricType::Histogram
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        ["method", "route", "status"].into_iter().map(|key| (key, Vec::new())).collect()
    }

    fn is_known(&self) -> bool {
        let is_known = |route: &Arc<Route>| route.series.iter().any(|series| series.get().is_some());
        self.routes().iter().any(is_known)
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.routes().iter().try_for_each(|route| route.show(&mut encoder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(route: &Route) -> usize {
        route.series.iter().filter(|series| series.get().is_some()).count()
    }

    #[test]
    fn what_clients_invent_adds_one_series() {
        let durations = RequestDurations::default();
        let route = durations.route("/orders/{number}", &["GET"]);
        let at_first = FROM_THE_START.len();
        assert_eq!(series(&route), at_first);
        for number in 0..1_000_u16 {
            route.observe(&format!("METHOD{number}"), 1_000 + number, Duration::ZERO);
        }
        assert_eq!(series(&route), at_first + 1);
        assert!(Arc::ptr_eq(&route, &durations.route("/orders/{number}", &["GET"])));
    }

    #[test]
    fn who_is_refused_by_methods_that_a_route_does_not_take_shares_a_series_of_each_status() {
        let route = RequestDurations::default().route("/orders/{number}", &["GET"]);
        for method in METHODS {
            for status in [403, 429] {
                route.observe_unrouted(method, status, Duration::ZERO);
            }
        }
        // Of GET, of HEAD, and of all others.
        assert_eq!(series(&route), FROM_THE_START.len() + 3 * 2);
        route.observe_unrouted("BREW", 200, Duration::ZERO);
        route.observe_unrouted("BREW", 429, Duration::ZERO);
        assert_eq!(series(&route), FROM_THE_START.len() + 3 * 2 + 1);
    }

    #[test]
    fn a_route_is_found_by_its_pattern() {
        let durations = RequestDurations::default();
        let route = durations.route("/orders/{number}", &["GET"]);
        assert!(Arc::ptr_eq(&route, &durations.find("/orders/{number}").unwrap()));
        assert!(durations.find("/orders/ORD_20261130_001").is_none());
    }

    #[test]
    fn methods_that_a_route_does_not_take_share_a_series() {
        let route = RequestDurations::default().route("/orders", &["POST"]);
        for method in METHODS {
            route.observe(method, NOT_TAKEN, Duration::ZERO);
        }
        assert_eq!(series(&route), FROM_THE_START.len() + 1);
    }
}
