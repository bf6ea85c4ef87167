//! `/staff/session`: signing in, signing out, and whether somebody is signed in.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _, web};
use domain::RequestId;
use domain::timestamp::Timestamp;
use logging::{Log, action};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::described::{not_from_our_page, refused_keys};
use super::{Access, Gate, StaffRefusal, session_cookie};
use crate::exchange::{self, Written, read_written};
use crate::openapi::{Refused, RequestedWith};
use crate::resource::resource;
use crate::{Problem, request_id};

/// What somebody sends to sign in.
#[derive(Deserialize, ToSchema)]
struct SignIn {
    #[schema(value_type = String)]
    key: SecretString,
    /// The page that a form leads to: its path from the service's root, such as `kitchen`.
    next: Option<String>,
}

/// What a page is told about the sign-in.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSession)]
struct SessionBody {
    signed_in: bool,
    /// When the sign-in ends. `null` for nobody, and for a key in the request.
    #[schema(required)]
    until: Option<Timestamp>,
    /// Whether anybody can sign in: a staff key is configured.
    key_configured: bool,
}

/// `/staff/session`. A form that signs in leads to `home` unless it names another page: a path
/// from the service's root without its slash, such as `staff`.
pub fn routes(app: &mut web::ServiceConfig, gate: &Gate, home: &'static str) {
    let gate = || gate.clone();
    let (showing, reading, signing_in, signing_out) = (gate(), gate(), gate(), gate());
    app.service(resource(
        "/staff/session",
        [
            web::get().to(move |request| show(request, showing.clone())),
            web::head().to(move |request| show(request, reading.clone())),
            web::post().to(move |request, body| sign_in(request, body, signing_in.clone(), home)),
            web::delete().to(move |request| sign_out(request, signing_out.clone())),
        ],
        "GET, HEAD, POST, DELETE",
    ));
}

crate::refusals! {
    /// How signing in is refused.
    SignInRefused: refused_keys().into_iter().chain([
        Refused::new("no_key_sent", no_key_sent(&Refused::request_id())),
    ]);
    /// How signing out is refused.
    SignOutRefused: [not_from_our_page()];
}

/// The paths of the sign-in.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show, sign_in, sign_out))]
pub(crate) struct SessionPaths;

/// Is somebody signed in?
#[utoipa::path(
    get, path = "/staff/session", tag = "Signing in", operation_id = "staff_session",
    security((), ("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "Who asks is signed in, or not", body = SessionBody)),
)]
async fn show(request: HttpRequest, gate: Gate) -> HttpResponse {
    let signed_in = gate.is_staff(&request);
    let ends =
        session_cookie::values(request.headers()).filter_map(|value| gate.0.sessions.as_ref()?.end_of(value));
    answer(&gate, signed_in, ends.max().filter(|_| signed_in), &mut HttpResponse::Ok())
}

/// Sign in
///
/// The cookie is valid at every service that knows the same key, for twelve hours. A form is led on
/// to a page instead.
#[utoipa::path(
    post, path = "/staff/session", tag = "Signing in", operation_id = "sign_in",
    request_body(content((SignIn = "application/json"), (SignIn = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Signed in", body = SessionBody, headers(("Set-Cookie" = String))),
        (status = 303, description = "To a browser that sent a form: to the page that the form names. It is signed in if there is `Set-Cookie`; else `sign_in` in the page's address says why not",
         headers(("Set-Cookie" = String), ("Location" = String))),
        SignInRefused,
    ),
)]
async fn sign_in(request: HttpRequest, body: web::Payload, gate: Gate, home: &'static str) -> HttpResponse {
    let id = request_id::of(&request);
    let log = request.app_data::<Log>().map(|log| log.with_request_id(id.clone()));
    let (asked, is_form) = match read_written(&request, body, &id).await {
        Ok(Written::Json(body)) => (serde_json::from_slice(&body).ok(), false),
        Ok(Written::Form(body)) => {
            let body = std::str::from_utf8(&body).unwrap_or_default();
            (web::Query::<SignIn>::from_query(body).ok().map(web::Query::into_inner), true)
        }
        Err(problem) => return problem.error_response(),
    };
    let Some(SignIn { key, next }) = asked else { return no_key_sent(&id).error_response() };
    let page = next.filter(|next| is_page(next)).unwrap_or_else(|| home.to_owned());
    let session = match gate.begin_session(&key) {
        Ok(session) => session,
        Err(refusal) => {
            let Some(log) = log else { return refusal.problem(&id).error_response() };
            let problem = refusal.answer(&log).await;
            return if is_form && accepts_html(&request) { back_to(&page, refusal) } else { problem };
        }
    };
    if let Some(log) = log {
        log.info(action::STAFF_SIGNED_IN, "Somebody signed in as staff").emit();
    }
    let cookie = gate.0.cookie.begin(&session.value, is_https(&request));
    let mut response = if is_form { leading_to(&page) } else { HttpResponse::Ok() };
    response.insert_header((header::SET_COOKIE, cookie));
    if is_form {
        return response.finish();
    }
    answer(&gate, true, Some(session.end), &mut response)
}

/// Sign out
#[utoipa::path(
    delete, path = "/staff/session", tag = "Signing in", operation_id = "sign_out",
    params(RequestedWith),
    security((), ("staff_cookie" = [])),
    responses(
        (status = 204, description = "Signed out; the cookie is taken back", headers(("Set-Cookie" = String))),
        SignOutRefused,
    ),
)]
async fn sign_out(request: HttpRequest, gate: Gate) -> HttpResponse {
    // Only a page of ours ends a sign-in. What is none already is taken off the browser.
    if let Err(refusal @ StaffRefusal::NotFromOurPage) = gate.verify_cookie(&request, Access::Change) {
        let id = request_id::of(&request);
        return match request.app_data::<Log>() {
            Some(log) => refusal.answer(&log.with_request_id(id)).await,
            None => refusal.problem(&id).error_response(),
        };
    }
    HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, gate.0.cookie.end(is_https(&request))))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

fn no_key_sent(id: &RequestId) -> Problem {
    let detail = "Send the staff's key, as {\"key\": \"…\"} or as the field 'key' of a form.";
    Problem::new(StatusCode::BAD_REQUEST, detail, id)
}

impl Gate {
    /// Begins a session for whoever has the key. A wrong one is counted.
    fn begin_session(&self, key: &SecretString) -> Result<session_cookie::NewSession, StaffRefusal> {
        let sessions = self.0.sessions.as_ref().ok_or(StaffRefusal::NoStaffKey)?;
        // Keys have no spaces at their ends; what is pasted may.
        if self.is_key(key.expose_secret().trim().as_bytes()) {
            Ok(sessions.sign())
        } else {
            Err(self.0.wrong_keys.refuse())
        }
    }

    /// As [`Gate::verify`], by the cookie alone.
    fn verify_cookie(&self, request: &HttpRequest, access: Access) -> Result<(), StaffRefusal> {
        let sessions = self.0.sessions.as_ref().ok_or(StaffRefusal::NoStaffKey)?;
        if session_cookie::values(request.headers()).any(|value| sessions.is_valid(value)) {
            self.verify_page(request, access)
        } else {
            Err(StaffRefusal::Missing)
        }
    }
}

fn answer(
    gate: &Gate,
    signed_in: bool,
    end: Option<u64>,
    response: &mut HttpResponseBuilder,
) -> HttpResponse {
    let until = end.and_then(|end| i64::try_from(end).ok());
    let until = until.and_then(|end| time::OffsetDateTime::from_unix_timestamp(end).ok());
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.json(SessionBody { signed_in, until: until.map(Into::into), key_configured: gate.has_key() })
}

/// Sends a form's browser to a page of this service. The location is relative, so that it holds
/// behind a gateway too.
fn leading_to(page: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, format!("../{page}")));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// Sends it back to the page with the form, which says why.
fn back_to(page: &str, refusal: StaffRefusal) -> HttpResponse {
    let why = match refusal {
        StaffRefusal::NoStaffKey => "no-key",
        StaffRefusal::TooManyWrongKeys { .. } => "too-many",
        _ => "wrong",
    };
    let joint = if page.contains('?') { '&' } else { '?' };
    leading_to(&format!("{page}{joint}sign_in={why}")).finish()
}

/// Whether a form may name this page: a path below the service's root, perhaps with a query.
fn is_page(page: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/?=&".contains(&byte);
    page.len() <= 200 && page.starts_with(|c: char| c.is_ascii_alphanumeric()) && page.bytes().all(is_plain)
}

fn accepts_html(request: &HttpRequest) -> bool {
    let accepts = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|range| range.trim().starts_with("text/html"))
}

/// Whether the browser came over TLS: to us, or as a proxy or the page's own origin says. A wrong
/// answer harms nobody but who gave it.
fn is_https(request: &HttpRequest) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    exchange::is_encrypted(request)
        || request.connection_info().scheme().eq_ignore_ascii_case("https")
        || origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_pages_of_this_service_only() {
        for page in ["staff", "kitchen", "kitchen?lang=ar&type=dine_in", "track/ORD_20261130_001"] {
            assert!(is_page(page), "{page}");
        }
        for page in
            ["", "/", "//evil.example", "https://evil.example", "../x", "a\\b", "a b", "a%0d", "?a", "a#b"]
        {
            assert!(!is_page(page), "{page}");
        }
        assert!(!is_page(&"a".repeat(201)));
    }
}
