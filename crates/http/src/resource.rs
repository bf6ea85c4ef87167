//! The kinds of resources: for reading, for posting, and those that take several methods.

use std::future::ready;

use actix_web::dev::Handler;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, Route, guard, web};

use crate::measured;
use crate::problem::method_not_allowed;

const READS: &str = "GET, HEAD";
const POSTS: &str = "POST";

/// A resource for reading: `GET`, and `HEAD` for the same without the body (RFC 9110, section
/// 9.3.2).
pub fn readable<F, A>(path: &str, handler: F) -> Resource
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path)
        .app_data(measured::route(path, "GET"))
        .route(web::route().guard(read).to(handler))
        .default_service(web::to(only_read))
}

/// A resource for posting.
pub fn postable<F, A>(path: &str, handler: F) -> Resource
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .app_data(measured::route(path, POSTS))
        .route(web::post().to(handler))
        .default_service(web::to(only_post))
}

/// A resource with a route for each method that it takes. `allowed` lists them, as `Allow` does
/// (RFC 9110, section 10.2.1).
pub fn resource(path: &str, routes: impl IntoIterator<Item = Route>, allowed: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| ready(method_not_allowed(&request, allowed));
    let resource = web::resource(path).app_data(measured::route(path, allowed));
    routes.into_iter().fold(resource, Resource::route).default_service(web::to(refuse))
}

async fn only_read(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, READS)
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, POSTS)
}
