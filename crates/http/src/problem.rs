//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use domain::RequestId;
use logging::{Log, action, printable};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::request_id;

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An error response. A 500 reveals nothing of the inside; the log has its cause under
/// `request_id`.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{status} {title}: {detail}")]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    request_id: String,
    /// Members beyond those of the standard (RFC 9457, section 3.2).
    #[serde(flatten)]
    extensions: Map<String, Value>,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
    #[serde(skip)]
    challenge: Option<&'static str>,
}

impl Problem {
    /// A problem of this status. `detail` is for the client's developer.
    pub fn new(status: StatusCode, detail: impl Into<String>, request_id: &RequestId) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            request_id: request_id.to_string(),
            extensions: Map::new(),
            retry_after_seconds: None,
            challenge: None,
        }
    }

    /// A 500.
    pub fn internal(request_id: &RequestId) -> Self {
        let detail = "The order system could not process the request. Try again; if it stays so, tell the operator the request_id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail, request_id)
    }

    /// Adds an extension member of this kind of problem (RFC 9457, section 3.2). Members are
    /// written in the sequence in which they are added.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.extensions.insert(name.to_owned(), value);
        self
    }

    /// Adds the required authentication scheme (`WWW-Authenticate`).
    #[must_use]
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.challenge = Some(scheme);
        self
    }

    /// Adds when to retry: this time, in whole seconds, so that nobody comes too early.
    #[must_use]
    pub fn retry_in(self, time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        self.retry_after(seconds.max(1))
    }

    /// Adds when to retry (`Retry-After`, in seconds).
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

/// What the description of an interface tells of a problem.
impl Problem {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    pub(crate) fn has_challenge(&self) -> bool {
        self.challenge.is_some()
    }
}

impl Problem {
    /// The bytes of the whole response, for a connection that closes after it.
    pub(crate) fn final_response(&self) -> Vec<u8> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {}\r\nX-Request-ID: {}\r\nConnection: close\r\n\r\n",
            self.status,
            self.title,
            body.len(),
            self.request_id
        );
        [head.into_bytes(), body].concat()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(scheme) = self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, scheme));
        }
        let body = serde_json::to_vec(self).unwrap_or_default();
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))).body(body)
    }
}

/// 404 for paths that do not exist.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    logged(&request, &nothing_at(request.path(), &request_id::of(&request)))
}

/// The path is none of the service's.
pub fn nothing_at(path: &str, id: &RequestId) -> Problem {
    // The admin listener answers so too, and has no such page.
    let detail = format!(
        "There is nothing at {}. /docs of a service shows the paths of its interface.",
        printable(path)
    );
    Problem::new(StatusCode::NOT_FOUND, detail, id)
}

/// Logs the problem under its request id, and returns the response.
pub(crate) fn logged(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    if let Some(log) = request.app_data::<Log>() {
        log.with_request_id(request_id::of(request))
            .debug(action::REQUEST_REFUSED, problem.to_string())
            .emit_limited();
    }
    problem.error_response()
}

/// 405 for paths that exist with other methods. `allowed` lists them.
pub fn method_not_allowed(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let detail = format!(
        "{} does not take {}; use {allowed}.",
        printable(request.path()),
        printable(request.method().as_str())
    );
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail, &request_id::of(request));
    let mut response = logged(request, &problem);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_comes_back_then_is_not_too_early() {
        let id = RequestId::from_client("req-1").unwrap();
        let seconds = |milliseconds| {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "No.", &id);
            problem.retry_in(Duration::from_millis(milliseconds)).retry_after_seconds()
        };
        assert_eq!([0, 1, 1_000, 1_001].map(seconds), [1, 1, 1, 2].map(Some));
    }

    #[test]
    fn extensions_follow_the_members_that_every_problem_has() {
        let id = RequestId::from_client("req-1").unwrap();
        let problem = Problem::new(StatusCode::CONFLICT, "No.", &id).retry_after(1);
        let common =
            r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"No.","request_id":"req-1""#;
        assert_eq!(serde_json::to_string(&problem).unwrap(), format!("{common}}}"));
        let problem = problem
            .with("errors", json!([{ "pointer": "/items", "detail": "is required" }]))
            .with("current_status", json!("ready"));
        let extensions =
            r#","errors":[{"pointer":"/items","detail":"is required"}],"current_status":"ready"}"#;
        assert_eq!(serde_json::to_string(&problem).unwrap(), format!("{common}{extensions}"));
    }
}
