//! One part of an order's way by itself: what it could do if the others cost nothing.

pub mod http;
pub mod postgres;
pub mod rabbitmq;

use domain::RequestId;

/// By what name all of them work.
const NAME: &str = "bench";

/// The request that all of their orders belong to.
fn request_id() -> RequestId {
    RequestId::startup()
}
