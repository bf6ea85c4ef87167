//! The schema of problems: [`Problem`](crate::Problem) with all members that ours have.

use domain::basket::RefusedItem;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is refused (RFC 9457). A program goes by `status` and `code`, a person by
/// `detail`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the status.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// The `X-Request-ID` of the response. The log has the cause under it.
    pub request_id: String,
    /// What is wrong with the body, or with parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub errors: Option<Vec<Fault>>,
    /// Tells problems of one status apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("out_of_stock", "intake_paused"))]
    pub code: Option<String>,
    /// The items that cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub items: Option<Vec<RefusedItem>>,
    /// The status of the order, which does not allow what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_status: Option<domain::OrderStatus>,
    /// Who changed the order before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed_by: Option<String>,
    /// When they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = domain::timestamp::Timestamp)]
    pub changed_at: Option<String>,
}

/// Something that is wrong with a request, at its place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("/items/0/quantity"))]
    pub pointer: Option<String>,
    /// The name of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}
