//! `GET /staff/dead-letters`: how many messages wait for a person.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use http_service::staff::Access;
use logging::action;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::described::DeadLettersRefused;
use super::refusal::Refusal;
use super::staff::answered;

#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetters)]
struct Body {
    messages: u32,
    /// For how long each look of this service has found some.
    seen_for_seconds: u64,
}

/// Tells how many there are.
#[utoipa::path(
    get, path = "/staff/dead-letters", tag = "Orders", operation_id = "dead_letters",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "How many wait for a person", body = Body), DeadLettersRefused),
)]
pub async fn show(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    answered(&request, body, &api, Access::Read, async |_, id| {
        let counted = api.dead_letters.count().await.map_err(|why| {
            let log = api.log.with_request_id(id.clone());
            let line =
                log.error(action::RABBITMQ_CONNECTION_FAILED, "The dead letters could not be counted", &why);
            line.emit_limited();
            Refusal::BrokerAway
        })?;
        let body = Body { messages: counted.messages, seen_for_seconds: counted.seen_for.as_secs() };
        Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
    })
    .await
}
