//! The headers in which clients prove who they are.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};

use crate::changes::Credentials;

/// Carries the capability to cancel an order: in the answer that placed it, and in the request that
/// cancels it.
pub const ORDER_TOKEN: HeaderName = HeaderName::from_static("x-order-token");

/// The credentials that the request shows.
pub fn credentials(request: &HttpRequest) -> Credentials<'_> {
    let headers = request.headers();
    if let Some(token) = headers.get(ORDER_TOKEN) {
        return Credentials::OrderToken(token.as_bytes());
    }
    match headers.get(header::AUTHORIZATION) {
        None => Credentials::Nothing,
        Some(authorization) => Credentials::StaffKey(bearer(authorization.as_bytes())),
    }
}

/// What follows `Bearer` (RFC 6750, section 2.1).
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for (given, key) in [
            ("Bearer key", Some("key")),
            ("bearer   key ", Some("key")),
            ("BEARER ", Some("")),
            ("Bearer", None),
            ("Basic a2V5", None),
            ("key", None),
        ] {
            assert_eq!(bearer(given.as_bytes()), key.map(str::as_bytes), "{given:?}");
        }
    }
}
