//! The span of a request, and its place in a trace: that of the span if it is recorded, else the
//! client's `traceparent`, without the flag of a recorded one if a sampler left the span out.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use domain::RequestId;
use telemetry::traces::{Caller, Span, conventions};

use crate::exchange::is_encrypted;
use crate::health::is_probe;
use crate::measured::Measured;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Begins the span of a request. What is done for it has the id that this returns. Probes and who
/// asks an admin port are in no trace.
pub(crate) fn begin(request: &ServiceRequest, id: RequestId) -> (RequestId, Span) {
    if request.app_data::<Measured>().is_none() || is_probe(request.path()) {
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
