//! The id of a request: the client's `X-Request-ID` if it is safe and not reserved for programs,
//! else a new one. Every response carries it. With it goes the request's place in a trace: that of
//! its own span if it has one, else the client's `traceparent`.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use domain::RequestId;
use telemetry::traces::{Caller, Span, conventions};

use crate::exchange::is_encrypted;
use crate::measured::Measured;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Makes a new id.
pub fn generate() -> RequestId {
    RequestId::from_random(rand::random())
}

/// The id that [`assign`] gave to the request.
pub fn of(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(generate)
}

/// Assigns the request its id, and begins its span.
pub(crate) fn assign(request: &ServiceRequest) -> (RequestId, Span) {
    let given =
        request.headers().get(HEADER).and_then(|value| value.to_str().ok()).and_then(RequestId::from_client);
    let id = given.unwrap_or_else(generate);
    let (id, span) = traced(request, id);
    request.extensions_mut().insert(id.clone());
    (id, span)
}

/// Who asks an admin port is in no trace.
fn traced(request: &ServiceRequest, id: RequestId) -> (RequestId, Span) {
    if request.app_data::<Measured>().is_none() {
        return (id, Span::none());
    }
    // Several of them are as good as none (W3C Trace Context, section 3.2).
    let mut said = request.headers().get_all(TRACEPARENT);
    let said = said.next().filter(|_| said.next().is_none()).and_then(|value| value.to_str().ok());
    let caller = Caller::of(said);
    let (method, path) = (request.method().as_str(), request.path());
    let span = conventions::http_request(caller, method, path, is_encrypted(request.request()), &id);
    (span.around(id.with_trace(caller.trace())), span)
}

/// Writes the id into the response's `X-Request-ID`.
pub(crate) fn put_into(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(HEADER, value);
    }
}
