//! The two kinds of resources: for reading, and for posting.

use actix_web::dev::Handler;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, guard, web};

use crate::problem::method_not_allowed;

/// A resource for reading: `GET`, and `HEAD` for the same without the body (RFC 9110, section
/// 9.3.2).
pub fn readable<F, A>(path: &str, handler: F) -> Resource
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(read).to(handler)).default_service(web::to(only_read))
}

/// A resource for posting.
pub fn postable<F, A>(path: &str, handler: F) -> Resource
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(only_post))
}

async fn only_read(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "GET, HEAD")
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "POST")
}
