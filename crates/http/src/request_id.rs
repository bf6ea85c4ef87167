//! The id of a request: the client's `X-Request-ID` if it is safe and not reserved for programs,
//! else a new one. Every response carries it.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use domain::RequestId;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Makes a new id.
pub fn generate() -> RequestId {
    RequestId::from_random(rand::random())
}

/// The id that [`assign`] gave to the request.
pub fn of(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(generate)
}

/// The id that the client gave the request, or a new one.
pub(crate) fn given(request: &ServiceRequest) -> RequestId {
    let given =
        request.headers().get(HEADER).and_then(|value| value.to_str().ok()).and_then(RequestId::from_client);
    given.unwrap_or_else(generate)
}

/// Assigns the request its id.
pub(crate) fn assign(request: &ServiceRequest, id: &RequestId) {
    request.extensions_mut().insert(id.clone());
}

/// Writes the id into the response's `X-Request-ID`.
pub(crate) fn put_into(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(HEADER, value);
    }
}
