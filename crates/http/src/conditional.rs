//! Conditional responses for clients that poll: a client that already has the current response gets
//! a 304 (RFC 9110, 13.1.2).

use actix_web::http::header::{self, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// 200 with this body, or 304 without it if `If-None-Match` contains the body's tag. Every instance
/// derives the same tag from the same body.
///
/// # Errors
/// The body cannot be encoded as JSON.
pub fn json(request: &HttpRequest, body: &impl Serialize) -> Result<HttpResponse, serde_json::Error> {
    let body = serde_json::to_vec(body)?;
    let tag = tag_of(&body);
    let is_known = is_known(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // `no-cache`: clients must revalidate.
    response.insert_header(ETag(tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type(header::ContentType::json()).body(body))
}

/// A strong tag: different bodies have different tags.
fn tag_of(body: &[u8]) -> EntityTag {
    let digest = Sha256::digest(body);
    let start = digest.first_chunk().copied().unwrap_or_default();
    EntityTag::new_strong(format!("{:032x}", u128::from_be_bytes(start)))
}

/// Whether `If-None-Match` contains this tag: the client has the current response.
pub fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    // An unreadable header is ignored.
    request.headers().contains_key(header::IF_NONE_MATCH)
        && match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
            Err(_) => false,
        }
}
