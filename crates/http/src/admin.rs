//! What the admin listener of a process answers: the probes, and `GET /metrics` for Prometheus.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use telemetry::{CONTENT_TYPE, Program};

use crate::health::{self, Health};
use crate::problem::not_found;
use crate::resource::readable;

/// The paths of a program, which the probes call so.
pub fn routes(app: &mut web::ServiceConfig, name: &'static str, health: &Arc<dyn Health>, program: Program) {
    health::routes(app, name, health);
    app.service(readable("/metrics", move || metrics(program))).default_service(web::to(not_found));
}

async fn metrics(program: Program) -> HttpResponse {
    match telemetry::render(program) {
        Ok(shown) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type(CONTENT_TYPE)
            .body(shown),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
