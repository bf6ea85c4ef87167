//! Conditional responses for clients that poll: a client that already has the current response gets
//! a 304 (RFC 9110, 13.1.2).

use actix_web::http::header::{self, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// 200 with this body, or 304 without it if `If-None-Match` contains the body's tag. Every instance
/// derives the same tag from the same body.
///
/// # Errors
/// The body cannot be encoded as JSON.
pub fn json(request: &HttpRequest, body: &impl Serialize) -> Result<HttpResponse, serde_json::Error> {
    Ok(Json::of(serde_json::to_vec(body)?).answer(request))
}

/// A JSON text, and its tag.
#[derive(Clone, Debug)]
pub struct Json {
    text: Bytes,
    tag: EntityTag,
}

impl Json {
    /// This text.
    pub fn of(text: Vec<u8>) -> Self {
        Self { tag: tag_of(&text), text: text.into() }
    }

    /// 200 with it, or 304 to a client that has it.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let is_known = is_known(request, &self.tag);
        let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        // `no-cache`: clients must revalidate.
        response.insert_header(ETag(self.tag.clone())).insert_header((header::CACHE_CONTROL, "no-cache"));
        if is_known {
            return response.finish();
        }
        response.content_type(header::ContentType::json()).body(self.text.clone())
    }
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
