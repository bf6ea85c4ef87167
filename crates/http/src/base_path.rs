//! A service behind a gateway that passes paths on as they are: `web.base_path` is taken off.
//!
//! A request without it is answered too: probes and other services ask the service itself.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::header::LOCATION;
use config::BasePath;

/// Takes the base path off the request's path. Returns the answer to a request for the base path
/// itself: relative links of a page there would lead beside it.
pub(crate) fn strip(request: &mut ServiceRequest) -> Option<HttpResponse> {
    let base = request.app_data::<BasePath>()?;
    let uri = request.uri();
    let rest = base.rest_of(uri.path())?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if rest.is_empty() {
        let location = format!("{base}/{query}");
        return Some(HttpResponse::PermanentRedirect().insert_header((LOCATION, location)).finish());
    }
    // A part of a path is a path.
    let stripped = format!("{rest}{query}").parse::<Uri>().ok()?;
    request.match_info_mut().get_mut().update(&stripped);
    request.head_mut().uri = stripped;
    None
}
