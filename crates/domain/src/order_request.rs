//! Orders that come as messages: how a request is recognised, and what became of it.

mod body_value;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

pub use self::body_value::value_fingerprint;
use crate::timestamp::Timestamp;
use crate::{Fingerprint, Money, OrderNumber};

/// By which a request for an order is recognised: the `order_id` of its message, a UUID (RFC 9562).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderRequestId(Uuid);

/// The text is not the id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 019ab6ce-5d80-7c3e-8f12-3456789abcde")]
pub struct ParseRequestIdError;

impl OrderRequestId {
    /// Makes one of random bytes, for a message that has no id at all.
    pub fn new(random: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(random).into_uuid())
    }

    /// The id of a message that names none: its message id if that is a UUID, else one that follows
    /// from it. The same message always has the same.
    pub fn of_message(message_id: &str) -> Self {
        message_id.parse().unwrap_or_else(|ParseRequestIdError| {
            let mut bytes = [0; 16];
            for (byte, hashed) in bytes.iter_mut().zip(Sha256::digest(message_id)) {
                *byte = hashed;
            }
            Self(Builder::from_custom_bytes(bytes).into_uuid())
        })
    }

    /// The UUID, as the database stores it.
    pub fn uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for OrderRequestId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for OrderRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl Serialize for OrderRequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for OrderRequestId {
    type Err = ParseRequestIdError;

    /// Accepts the hyphenated form, in either case.
    fn from_str(text: &str) -> Result<Self, ParseRequestIdError> {
        const HYPHENATED: usize = 36;
        let uuid = Uuid::try_parse(text).map_err(|_| ParseRequestIdError)?;
        if text.len() == HYPHENATED { Ok(Self(uuid)) } else { Err(ParseRequestIdError) }
    }
}

/// A request for an order, as it is recognised when its message comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Its id.
    pub order_id: OrderRequestId,
    /// Tells the values of different bodies apart.
    pub fingerprint: Fingerprint,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestStatus {
    /// The order is stored, and on its way to the kitchen.
    Processing,
    /// The order will be cooked.
    Confirmed,
    /// There is no order, or it will never be cooked.
    Failed,
}

/// The text is not the status of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the status of a request: PROCESSING, CONFIRMED or FAILED")]
pub struct ParseRequestStatusError;

impl RequestStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Processing, Self::Confirmed, Self::Failed];

    /// The name used in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Confirmed => "CONFIRMED",
            Self::Failed => "FAILED",
        }
    }
}

impl FromStr for RequestStatus {
    type Err = ParseRequestStatusError;

    fn from_str(text: &str) -> Result<Self, ParseRequestStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(ParseRequestStatusError)
    }
}

impl Serialize for RequestStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a request failed, as HTTP would say it.
#[derive(Clone, Debug)]
pub struct RequestFailure {
    /// The code of the API.
    pub code: String,
    /// Says what is wrong, and what to do.
    pub reason: String,
    /// The broken rules of the body, each with its JSON pointer.
    pub errors: Option<Box<RawValue>>,
    /// The items that cannot be had.
    pub items: Option<Box<RawValue>>,
}

/// What became of a request: the body of a reply, and of `GET /order_status/{order_id}`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestOutcome {
    /// The request.
    pub order_id: OrderRequestId,
    /// How far it is.
    pub status: RequestStatus,
    /// The order's number, once it has one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub order_number: Option<OrderNumber>,
    /// What the order costs.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub total_amount: Option<Money>,
    /// The code of a failure.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub code: Option<String>,
    /// Why it failed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reason: Option<String>,
    /// The broken rules of its body.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Vec<crate::json_body::Violation>>))]
    pub errors: Option<Box<RawValue>>,
    /// The items that cannot be had.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Vec<crate::basket::RefusedItem>>))]
    pub items: Option<Box<RawValue>>,
    /// When the status changed, by the database's clock.
    pub updated_at: Timestamp,
}

/// A change of a request's status, for all who follow it.
#[derive(Clone, Debug, Serialize)]
pub struct RequestEvent {
    /// The request.
    pub order_id: OrderRequestId,
    /// The order's number, if there is an order.
    pub order_number: Option<OrderNumber>,
    /// The new status.
    pub status: RequestStatus,
    /// Why it failed.
    pub reason: Option<String>,
    /// What the order costs.
    pub total_amount: Option<Money>,
    /// When the status changed, by the database's clock.
    pub timestamp: Timestamp,
    /// With a final status, and only for those who keep it: everything that is known.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub details: Option<RequestDetails>,
}

/// What those learn who keep the outcome of a request.
#[derive(Clone, Debug, Serialize)]
pub struct RequestDetails {
    /// The code of a failure.
    pub code: Option<String>,
    /// The name on the order.
    pub customer_name: Option<String>,
    /// The order's type.
    pub order_type: Option<String>,
    /// The lines of the order; of a failure the items that cannot be had.
    pub items: Option<Box<RawValue>>,
    /// What price rules changed, in the order of application.
    pub adjustments: Option<Box<RawValue>>,
    /// The broken rules of the body.
    pub errors: Option<Box<RawValue>>,
}

impl RequestEvent {
    /// The id of the message. It is the same on every publication, so that repeats can be dropped.
    pub fn message_id(&self) -> String {
        format!("{}.{}", self.order_id, self.status.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_named_by_a_uuid_in_either_case() {
        let id: OrderRequestId = "019AB6CE-5d80-7c3e-8f12-3456789abcde".parse().unwrap();
        assert_eq!(id.to_string(), "019ab6ce-5d80-7c3e-8f12-3456789abcde");
        for text in ["", "7", "019ab6ce5d807c3e8f123456789abcde", "{019ab6ce-5d80-7c3e-8f12-3456789abcde}"] {
            assert_eq!(text.parse::<OrderRequestId>(), Err(ParseRequestIdError), "{text}");
        }
    }

    #[test]
    fn a_message_id_that_is_a_uuid_is_the_requests_id() {
        let text = "019ab6ce-5d80-7c3e-8f12-3456789abcde";
        assert_eq!(OrderRequestId::of_message(text).to_string(), text);
        let made = OrderRequestId::of_message("order 7 of till 3");
        assert_eq!(made.uuid().get_version_num(), 8);
        assert_eq!(made, OrderRequestId::of_message("order 7 of till 3"));
        assert_ne!(made, OrderRequestId::of_message("order 8 of till 3"));
    }

    #[test]
    fn every_status_is_read_as_it_is_written() {
        for status in RequestStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("confirmed".parse::<RequestStatus>(), Err(ParseRequestStatusError));
    }

    proptest! {
        #[test]
        fn different_messages_are_different_requests(one in "\\PC{0,40}", other in "\\PC{0,40}") {
            let same = OrderRequestId::of_message(&one) == OrderRequestId::of_message(&other);
            prop_assert_eq!(same, one == other);
        }
    }
}
