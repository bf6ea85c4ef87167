//! Pages of the staff: for whoever has signed in. Others get the page to sign in, in place of it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use http_service::negotiation;
use http_service::staff::{Access, Gate, StaffRefusal};
use logging::Log;

use crate::files::Page;
use crate::serving::{show, show_instead};

/// A page of the staff, one step below the service's root. `log` has the id of the request.
pub async fn show_to_staff(page: Page, request: &HttpRequest, gate: &Gate, log: &Log) -> HttpResponse {
    let Err(refusal) = gate.verify(request, Access::Read) else { return show(page, request) };
    let (instead, status) = match refusal {
        // No credentials would help.
        StaffRefusal::MissingAndNoStaffKey | StaffRefusal::NoStaffKey => (Page::NoKey, StatusCode::FORBIDDEN),
        StaffRefusal::Missing | StaffRefusal::SignedOut => (Page::SignIn, StatusCode::UNAUTHORIZED),
        StaffRefusal::NotFromOurPage
        | StaffRefusal::WrongKey { .. }
        | StaffRefusal::TooManyWrongKeys { .. } => return refusal.answer(log).await,
    };
    if negotiation::prefers_html(request) {
        show_instead(instead, status, request)
    } else {
        refusal.answer(log).await
    }
}
