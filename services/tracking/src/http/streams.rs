//! Streams of changes.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use domain::OrderNumber;
use http_service::event_stream::{self, StreamPermit};
use http_service::openapi::{LastEventId, OrderNumberInPath};
use http_service::staff::{Access, StaffStreamRefused};

use super::described::StreamRefused;
use super::{Api, RequestContext};
use crate::events::{EventsFrom, Interest, Seen, follow};

/// The changes of one order: all that were, and all that come.
#[utoipa::path(
    get, path = "/orders/{order_number}/events", tag = "Streams", operation_id = "order_events",
    params(OrderNumberInPath, LastEventId),
    responses(
        (status = 200, description = "Events `status` and `heartbeat` (WHATWG HTML, server-sent events)",
         body = String, content_type = "text/event-stream"),
        StreamRefused,
    ),
)]
pub async fn of_order(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/orders/{order_number}/events", Some(&asked));
    let Ok(order_number) = asked.parse::<OrderNumber>() else {
        return context.unknown(&asked);
    };
    let permit = match StreamPermit::take(&context.request, context.id()) {
        Ok(permit) => permit,
        Err(problem) => return problem.error_response(),
    };
    // The place first: what is read afterwards has all that went on before.
    let joined = match api.events.join(Interest::Order(order_number)).await {
        Ok(joined) => joined,
        Err(why) => return context.failed("The status log could not be followed", &why),
    };
    let rows = match api.lookups.log(order_number).await {
        Ok(Some(rows)) => rows,
        Ok(None) => return context.unknown(&asked),
        Err(why) => return context.failed("The database could not answer", &why),
    };
    let (from, seen) = (EventsFrom::Order(rows), seen(&context.request));
    permit.respond(follow(from, joined, seen, api.events.clone(), api.shutdown.clone(), context.log))
}

/// What the client has seen, if it comes back. Without a position that can be read, it has seen
/// nothing.
fn seen(request: &HttpRequest) -> Option<Seen> {
    event_stream::last_event_id(request)?.parse().ok()
}

/// The changes of all orders, for the staff: what comes from now on, or since the client was there.
#[utoipa::path(
    get, path = "/events", tag = "Streams", operation_id = "events",
    params(LastEventId),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "Events `status` and `heartbeat` (WHATWG HTML, server-sent events)",
         body = String, content_type = "text/event-stream"),
        StaffStreamRefused,
    ),
)]
pub async fn of_all(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/events", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    let permit = match StreamPermit::take(&context.request, context.id()) {
        Ok(permit) => permit,
        Err(problem) => return problem.error_response(),
    };
    let joined = match api.events.join(Interest::All).await {
        Ok(joined) => joined,
        Err(why) => return context.failed("The status log could not be followed", &why),
    };
    let (from, seen) = (EventsFrom::All(api.db.clone()), seen(&context.request));
    permit.respond(follow(from, joined, seen, api.events.clone(), api.shutdown.clone(), context.log))
}
