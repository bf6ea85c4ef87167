//! Streams of changes.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use domain::OrderNumber;
use http_service::Problem;
use http_service::event_stream::{self, StreamPermit};
use http_service::openapi::{LastEventId, OrderNumberInPath};
use http_service::staff::Access;
use logging::action;

use super::described::{AllOrdersStreamRefused, StreamRefused};
use super::{Api, RequestContext, problems};
use crate::events::{BYTES_OF_ALL, Feed, JoinError, OfAll, OfOrder, Position, follow};

/// The changes of one order: all that were, and all that come.
#[utoipa::path(
    get, path = "/orders/{order_number}/events", tag = "Streams", operation_id = "order_events",
    params(OrderNumberInPath, LastEventId),
    responses(
        (status = 200, description = "Events `status` and `heartbeat` (WHATWG HTML, server-sent events)",
         content_type = "text/event-stream"),
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
        Err(problem) => return refused(&context, &problem),
    };
    // First of all the place: what is read afterwards has all that went on before.
    let rows = match api.events.join_of(order_number).await {
        Ok(rows) => rows,
        Err(why) => return not_followed(&context, &why),
    };
    let read = match api.lookups.log(order_number, context.id()).await {
        Ok(Some(read)) => read,
        Ok(None) => return context.unknown(&asked),
        Err(why) => return context.failed("The database could not answer", &why),
    };
    // Who comes back with anything else has seen nothing of this order.
    let last = event_stream::last_event_id(&context.request).and_then(|id| id.parse().ok());
    let feed = Feed::Order(OfOrder::new(&read, rows, last));
    permit.respond(follow(feed, api.events.clone(), api.shutdown.clone()))
}

fn refused(context: &RequestContext, problem: &Problem) -> HttpResponse {
    let line = context.log.info(action::STREAM_REFUSED, "A client got no event stream");
    line.detail("endpoint", context.endpoint).detail("reason", problem.to_string()).emit_limited();
    problem.error_response()
}

/// The reader says in the log why the database does not answer. Clients come again and again.
fn not_followed(context: &RequestContext, why: &JoinError) -> HttpResponse {
    let message = "The status log could not be followed";
    let line = context.log.error(action::DB_QUERY_FAILED, message, why);
    line.detail("endpoint", context.endpoint).emit_limited();
    Problem::internal(context.id()).error_response()
}

/// Where the client was, if it comes back.
///
/// # Errors
/// It shows something else. To go on from now would lose what it missed, and not say so.
fn last_position(context: &RequestContext) -> Result<Option<Position>, Problem> {
    let Some(id) = event_stream::last_event_id(&context.request) else { return Ok(None) };
    id.parse().map(Some).map_err(|why| problems::bad_position(&id, &why, context.id()))
}

/// The changes of all orders, for the staff: what comes from now on, or since the client was there.
#[utoipa::path(
    get, path = "/events", tag = "Streams", operation_id = "events",
    params(LastEventId),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "Events `status`, `heartbeat` and `reset` (WHATWG HTML, server-sent events)",
         content_type = "text/event-stream"),
        AllOrdersStreamRefused,
    ),
)]
pub async fn of_all(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/events", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    let last = match last_position(&context) {
        Ok(last) => last,
        Err(problem) => {
            let line = context.log.error(action::VALIDATION_FAILED, "The request was refused", &problem);
            line.detail("endpoint", context.endpoint).emit_limited();
            return problem.error_response();
        }
    };
    let permit = match StreamPermit::take_with_queue(&context.request, BYTES_OF_ALL, context.id()) {
        Ok(permit) => permit,
        Err(problem) => return refused(&context, &problem),
    };
    let place = match api.events.join().await {
        Ok(place) => place,
        Err(why) => return not_followed(&context, &why),
    };
    let feed = Feed::All(Box::new(OfAll::new(place, last, api.db.clone(), context.log)));
    permit.respond(follow(feed, api.events.clone(), api.shutdown.clone()))
}
