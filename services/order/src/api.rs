//! The HTTP interface: `POST /orders` and the probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use bus::Publisher;
use db::Database;
use domain::place_order::{self, Rejection};
use domain::{Money, OrderNumber, OrderStatus, RequestId};
use http_service::health::{self, CHECK_DEADLINE, Check};
use http_service::problem::method_not_allowed;
use http_service::server::read_body;
use http_service::{Problem, request_id};
use logging::Log;
use serde::Serialize;
use tokio::time::timeout;

use crate::NAME;
use crate::admission::Admission;
use crate::writer::{NotPlaced, Writer};

/// Seconds after which a client that was turned away should come back.
const RETRY_AFTER: u64 = 1;

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    pub admission: Admission,
    pub writer: Writer,
    pub db: Database,
    /// Whether the tables are there.
    pub schema_ready: Arc<AtomicBool>,
    pub publisher: Publisher,
    pub log: Log,
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    app.app_data(web::Data::new(api))
        .service(web::resource("/orders").post(place_order).default_service(web::to(only_post)))
        .service(web::resource("/health").get(health).default_service(web::to(only_get)))
        .service(web::resource("/readyz").get(health).default_service(web::to(only_get)))
        .service(web::resource("/livez").get(health::live).default_service(web::to(only_get)))
        .default_service(web::to(http_service::problem::not_found));
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "POST")
}

async fn only_get(request: HttpRequest) -> HttpResponse {
    method_not_allowed(&request, "GET")
}

/// The body of a success (specification, "Response Body").
#[derive(Serialize)]
struct Placed {
    order_number: OrderNumber,
    status: OrderStatus,
    total_amount: Money,
}

async fn place_order(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match place(&request, body, &api, &id).await {
        Ok(placed) => HttpResponse::Ok().json(placed),
        Err(problem) => problem.error_response(),
    }
}

async fn place(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    id: &RequestId,
) -> Result<Placed, Problem> {
    check_media_type(request, id)?;
    let body = read_body(request, body, id).await?;
    let log = api.log.with_request_id(id.clone());
    let order = place_order::parse(&body).map_err(|rejection| refuse(&rejection, &log))?;
    let Some(place) = api.admission.wait().await else {
        let detail = "Too many orders are in work at the moment. Try again in a second.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER));
    };
    log.debug("order_received", format!("Received an order of {}", order.total_amount))
        .detail("order_type", order.service.order_type().as_str())
        .detail("items", order.items.len())
        .detail("total_amount", serde_json::json!(order.total_amount))
        .detail("priority", order.priority.get())
        .emit();
    let total_amount = order.total_amount.clone();
    match api.writer.place(order, id.clone(), place).await {
        Ok(order_number) => Ok(Placed { order_number, status: OrderStatus::Received, total_amount }),
        Err(NotPlaced) => Err(Problem::internal(id)),
    }
}

/// Takes JSON, and what does not say what it is.
fn check_media_type(request: &HttpRequest, id: &RequestId) -> Result<(), Problem> {
    let header = |name: header::HeaderName| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase())
    };
    if let Some(encoding) = header(header::CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
        let detail =
            format!("The body has the content encoding {encoding:?}; send it as it is, without one.");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, id));
    }
    let media_type = header(header::CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    let detail =
        format!("The body has the media type {media_type:?}; send it with Content-Type: application/json.");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, id))
}

fn refuse(rejection: &Rejection, log: &Log) -> Problem {
    let mut line = log.error("validation_failed", "The order was refused", rejection);
    let problem = match rejection {
        Rejection::Malformed(_) => {
            let detail = format!("{}.", capitalised(&rejection.to_string()));
            Problem::new(StatusCode::BAD_REQUEST, detail, log.request_id())
        }
        Rejection::Invalid(violations) => {
            line = line.detail("violations", serde_json::json!(violations));
            let detail = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("The order is not valid: {detail}."),
                log.request_id(),
            )
            .with_errors(violations.clone())
        }
    };
    line.emit();
    problem
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

async fn health(api: web::Data<Api>) -> HttpResponse {
    let answers = matches!(timeout(CHECK_DEADLINE, api.db.ping()).await, Ok(Ok(())));
    let checks = [
        Check { name: "database", healthy: answers && api.schema_ready.load(Ordering::Relaxed) },
        Check { name: "rabbitmq", healthy: api.publisher.can_send_orders() },
    ];
    health::report(NAME, &checks)
}
