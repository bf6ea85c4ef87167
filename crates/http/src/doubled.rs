//! Headers that mean one thing: a request that has one of them twice is refused.
//!
//! Two readers of such a request may each take another one for the right one: a proxy that checks
//! the first, a service that believes the last. `Host` and `Content-Length` are checked by the HTTP
//! server, which takes such a request for no HTTP.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use domain::RequestId;
use logging::Log;

use crate::Problem;

/// Each with its name as people write it.
const SINGLE: [(HeaderName, &str); 8] = [
    (header::AUTHORIZATION, "Authorization"),
    (header::CONTENT_TYPE, "Content-Type"),
    (HeaderName::from_static("idempotency-key"), "Idempotency-Key"),
    (HeaderName::from_static("x-order-token"), "X-Order-Token"),
    (header::ORIGIN, "Origin"),
    (HeaderName::from_static("sec-fetch-site"), "Sec-Fetch-Site"),
    (HeaderName::from_static("sec-fetch-mode"), "Sec-Fetch-Mode"),
    (HeaderName::from_static("sec-fetch-dest"), "Sec-Fetch-Dest"),
];

fn find(headers: &HeaderMap) -> Option<&'static str> {
    // Most requests have none twice: that is told by counting.
    if headers.len() == headers.len_keys() {
        return None;
    }
    SINGLE.iter().find(|(name, _)| headers.get_all(name).nth(1).is_some()).map(|(_, shown)| *shown)
}

/// Refuses a request with a doubled header.
///
/// # Errors
/// The answer to give instead: 400.
pub(crate) fn check(request: &ServiceRequest, id: &RequestId) -> Result<(), Problem> {
    let Some(name) = find(request.headers()) else { return Ok(()) };
    let detail = format!("{name} is there more than once; send it once.");
    let problem = Problem::new(StatusCode::BAD_REQUEST, detail, id);
    if let Some(log) = request.app_data::<Log>() {
        log.with_request_id(id.clone())
            .error("validation_failed", "The request was refused", &problem)
            .emit_limited();
    }
    Err(problem)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_mean_one_thing_may_not_come_twice() {
        let twice = |name: &HeaderName| {
            let mut headers = HeaderMap::new();
            headers.append(name.clone(), "a".parse().unwrap());
            headers.append(name.clone(), "a".parse().unwrap());
            headers
        };
        for (name, shown) in &SINGLE {
            assert_eq!(find(&twice(name)), Some(*shown));
            assert_eq!(shown.to_ascii_lowercase(), name.as_str());
        }
        for name in [header::ACCEPT, header::IF_NONE_MATCH, header::COOKIE, header::FORWARDED] {
            assert_eq!(find(&twice(&name)), None, "{name}");
        }
    }
}
