//! The id of a request: `X-Request-ID` taken over if it is sane and not one of a program's own,
//! else made; every answer carries it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
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

/// Middleware: gives every request its id, and puts it into the answer's `X-Request-ID`.
///
/// # Errors
/// Those of the service behind it.
pub async fn assign(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let given =
        request.headers().get(HEADER).and_then(|value| value.to_str().ok()).and_then(RequestId::from_client);
    let id = given.unwrap_or_else(generate);
    request.extensions_mut().insert(id.clone());
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}
