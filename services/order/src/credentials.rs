//! Who may change an order: its guest by the token that placing it returned,
//! the staff by their key.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use domain::{OrderIdentity, OrderNumber, OrderTokenKey, RequestId};
use http_service::Problem;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Carries the capability to cancel an order: in the answer that placed it, and in the
/// request that cancels it.
pub const ORDER_TOKEN: HeaderName = HeaderName::from_static("x-order-token");

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Whoever placed the order of this identity.
    Guest(OrderIdentity),
    /// Somebody who has the staff's key.
    Staff,
}

/// Why somebody is let do nothing.
#[derive(Clone, Debug)]
pub enum Denied {
    /// There are no credentials (401), or no right ones (403).
    Credentials(Problem),
    /// It is a guess at the staff's key: see [`WrongKeys`](crate::staff_key::WrongKeys).
    StaffKey,
}

/// Tells who asks. Nothing here depends on whether the order exists; whether a guest's order is the
/// one that has the number is asked when it is changed.
///
/// # Errors
/// The credentials are missing or wrong.
pub fn asker(
    request: &HttpRequest,
    number: OrderNumber,
    tokens: &OrderTokenKey,
    staff_key: &SecretString,
    id: &RequestId,
) -> Result<Asker, Denied> {
    let forbidden = |detail: &str| Denied::Credentials(Problem::new(StatusCode::FORBIDDEN, detail, id));
    if let Some(token) = request.headers().get(ORDER_TOKEN) {
        let identity = tokens.verify(&number, token.as_bytes());
        return identity.map(Asker::Guest).ok_or_else(|| Denied::Credentials(wrong_token(id)));
    }
    let Some(authorization) = request.headers().get(header::AUTHORIZATION) else {
        let detail = "Say who you are: with the staff's key as 'Authorization: Bearer <key>', or, to cancel your own order, with X-Order-Token as placing the order returned it.";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, detail, id).challenge("Bearer");
        return Err(Denied::Credentials(problem));
    };
    let staff_key = staff_key.expose_secret();
    if staff_key.is_empty() {
        return Err(forbidden(
            "No staff key is configured here (order.staff_key), so nobody is staff: guests can cancel their own orders, with X-Order-Token.",
        ));
    }
    let given = authorization.as_bytes().split_at_checked(7);
    match given {
        Some((scheme, key))
            if scheme.eq_ignore_ascii_case(b"bearer ")
                && bool::from(key.trim_ascii().ct_eq(staff_key.as_bytes())) =>
        {
            Ok(Asker::Staff)
        }
        _ => Err(Denied::StaffKey),
    }
}

/// 403: not the token of this order.
pub fn wrong_token(id: &RequestId) -> Problem {
    let detail = "This X-Order-Token is not the one that placing the order returned.";
    Problem::new(StatusCode::FORBIDDEN, detail, id)
}
