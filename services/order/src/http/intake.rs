//! `GET /intake`: whether orders are taken, and `/intake/pause` of the staff.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use db::DbError;
use domain::timestamp::Timestamp;
use domain::{OrderType, RequestId, pause_request};
use http_service::openapi::{Failed, RequestedWith};
use http_service::request_id;
use http_service::staff::{Access, StaffRefused};
use logging::action;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::Api;
use super::described::{PauseRefused, requests::Pause};
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use super::staff::answered;

/// The intake as everybody sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Intake)]
struct Body<'a> {
    accepting: bool,
    /// The end of the pause.
    #[schema(required)]
    until: Option<Timestamp>,
    #[schema(required)]
    message: Option<&'a str>,
    #[serde(serialize_with = "by_type")]
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    waiting: &'a [(OrderType, u64)],
    /// 0: any number.
    max_waiting: u32,
}

fn by_type<S: Serializer>(waiting: &[(OrderType, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(waiting.iter().map(|(order_type, count)| (order_type.as_str(), count)))
}

/// Tells whether orders are taken.
#[utoipa::path(
    get, path = "/intake", tag = "Intake", operation_id = "intake",
    responses((status = 200, description = "Whether orders are taken", body = Body<'_>), Failed),
)]
pub async fn show(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match shown(&api, &id).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(None, &api.log.with_request_id(id)),
    }
}

/// Pauses the intake.
#[utoipa::path(
    post, path = "/intake/pause", tag = "Intake", operation_id = "pause_intake",
    params(RequestedWith),
    request_body = Pause,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "No orders are taken", body = Body<'_>), PauseRefused),
)]
pub async fn pause(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |body, id| {
        let wanted = pause_request::parse(body).map_err(MenuProblem::Body)?;
        api.acceptance.pause(&wanted).await.map_err(|why| failed(&api, id, &why))?;
        shown(&api, id).await
    })
    .await
}

/// Ends the pause.
#[utoipa::path(
    delete, path = "/intake/pause", tag = "Intake", operation_id = "resume_intake",
    params(RequestedWith),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "Orders are taken", body = Body<'_>), StaffRefused),
)]
pub async fn resume(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |_, id| {
        api.acceptance.resume().await.map_err(|why| failed(&api, id, &why))?;
        shown(&api, id).await
    })
    .await
}

async fn shown(api: &Api, id: &RequestId) -> Result<HttpResponse, Refusal> {
    let waiting = api.acceptance.waiting().await.map_err(|why| failed(api, id, &why))?;
    let paused = api.acceptance.paused();
    let body = Body {
        accepting: paused.is_none(),
        until: paused.as_ref().map(|paused| paused.until.into()),
        message: paused.as_ref().map(|paused| &*paused.message),
        waiting: &waiting,
        max_waiting: api.acceptance.max_waiting(),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
}

fn failed(api: &Api, id: &RequestId, why: &DbError) -> Refusal {
    let log = api.log.with_request_id(id.clone());
    log.error(action::DB_QUERY_FAILED, "The state of the intake could not be read or changed", why).emit();
    Refusal::Failed
}
