//! The headers that keep a page to itself.

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{self, HeaderName};

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Adds the headers of every page: scripts, styles and images of this origin only; nothing inline;
/// requests to this origin and to `origins`; no frame around it. Other sites get no referrer, which
/// would have the number of an order. With `no-referrer` a browser would not tell us either that a
/// form is ours (Fetch, "append a request Origin header").
pub fn of_page(response: &mut HttpResponseBuilder, origins: &[String]) {
    let connect = [&["'self'".to_owned()], origins].concat().join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; worker-src 'self'; \
         connect-src {connect}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((OPENER_POLICY, "same-origin"))
        .insert_header((PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=(), payment=()"));
}
