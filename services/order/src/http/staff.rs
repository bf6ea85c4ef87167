//! Calls that only the staff may make.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::RequestId;
use http_service::staff::Access;
use http_service::{read_json, request_id};

use super::Api;
use super::refusal::Refusal;

/// Answers a call of the staff: carries out what its body says, or refuses whoever is not staff.
pub async fn answered(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    access: Access,
    carry_out: impl AsyncFnOnce(&[u8], &RequestId) -> Result<HttpResponse, Refusal>,
) -> HttpResponse {
    let id = request_id::of(request);
    let outcome = async {
        api.gate.verify(request, access)?;
        let body = read_json(request, body, &id).await.map_err(Refusal::Unreadable)?;
        carry_out(&body, &id).await
    };
    match outcome.await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer_in_time(None, &api.log.with_request_id(id)).await,
    }
}
