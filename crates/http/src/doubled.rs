//! Refuses requests that repeat a header which may occur only once.
//!
//! Two readers of such a request may each pick a different value: a proxy checks the first, a
//! service uses the last. The HTTP server itself checks `Host` and `Content-Length`, and refuses
//! the request as invalid HTTP.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use domain::RequestId;
use logging::{Log, action};

use crate::Problem;

/// Each header with its usual spelling.
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
    // Most requests repeat no header, and comparing the counts is enough.
    if headers.len() == headers.len_keys() {
        return None;
    }
    SINGLE.iter().find(|(name, _)| headers.get_all(name).nth(1).is_some()).map(|(_, shown)| *shown)
}

/// Refuses a request with a repeated header.
///
/// # Errors
/// The response to send instead: 400.
pub(crate) fn check(request: &ServiceRequest, id: &RequestId) -> Result<(), Problem> {
    let Some(name) = find(request.headers()) else { return Ok(()) };
    let detail = format!("{name} is there more than once; send it once.");
    let problem = Problem::new(StatusCode::BAD_REQUEST, detail, id);
    if let Some(log) = request.app_data::<Log>() {
        log.with_request_id(id.clone())
            .error(action::VALIDATION_FAILED, "The request was refused", &problem)
            .emit_limited();
    }
    Err(problem)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
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
