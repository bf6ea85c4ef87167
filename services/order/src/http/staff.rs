//! Calls that only the staff may make.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::RequestId;
use http_service::{read_json, request_id};

use super::Api;
use super::credentials::credentials;
use super::refusal::Refusal;
use crate::changes::CredentialsError;

/// Answers a call of the staff: carries out what its body says, or refuses whoever is not staff.
pub async fn answered(
    request: &HttpRequest,
    body: web::Payload,
    api: &Api,
    carry_out: impl AsyncFnOnce(&[u8], &RequestId) -> Result<HttpResponse, Refusal>,
) -> HttpResponse {
    let id = request_id::of(request);
    let outcome = async {
        verified(request, api)?;
        let body = read_json(request, body, &id).await.map_err(Refusal::Unreadable)?;
        carry_out(&body, &id).await
    };
    match outcome.await {
        Ok(answer) => answer,
        Err(refusal) => {
            let answer = refusal.answer(None, &api.log.with_request_id(id));
            if let Refusal::WrongStaffKey { .. } = refusal {
                api.wrong_keys.delay().await;
            }
            answer
        }
    }
}

fn verified(request: &HttpRequest, api: &Api) -> Result<(), Refusal> {
    credentials(request).verify_staff(&api.staff_key).map_err(|why| match why {
        CredentialsError::WrongStaffKey => api.wrong_keys.refuse(),
        CredentialsError::Missing => Refusal::StaffOnly,
        why => Refusal::Credentials(why),
    })
}

/// Whether the request shows the staff's key. A wrong one is no key here: what is asked for is
/// public.
pub fn is_staff(request: &HttpRequest, api: &Api) -> bool {
    credentials(request).verify_staff(&api.staff_key).is_ok()
}
