//! Who asks for a change of an order: its guest by the token that placing it returned, or staff.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use domain::{OrderNumber, OrderTokenKey};
use http_service::staff::{Access, Gate, shows_credentials};

use super::refusal::Refusal;
use crate::changes::Principal;

/// Carries the capability to cancel an order: in the answer that placed it, and in the request that
/// cancels it.
pub const ORDER_TOKEN: HeaderName = HeaderName::from_static("x-order-token");

/// Tells who asks. Nothing here depends on whether the order exists. Whether a guest's order is the
/// one that has the number is asked when it is changed.
///
/// # Errors
/// The credentials are missing or wrong.
pub fn principal(
    request: &HttpRequest,
    number: OrderNumber,
    tokens: &OrderTokenKey,
    gate: &Gate,
) -> Result<Principal, Refusal> {
    if let Some(token) = request.headers().get(ORDER_TOKEN) {
        let identity = tokens.verify(&number, token.as_bytes()).ok_or(Refusal::WrongToken)?;
        return Ok(Principal::Guest(identity));
    }
    if !shows_credentials(request) {
        return Err(Refusal::Nobody);
    }
    gate.verify(request, Access::Change)?;
    Ok(Principal::Staff)
}
