//! Single parts of the system in isolation: the throughput of each if the others cost nothing.

pub mod http;
pub mod postgres;
pub mod rabbitmq;

use domain::RequestId;

/// The client name that all of them use.
const NAME: &str = "bench";

/// The request id of all their orders.
fn request_id() -> RequestId {
    RequestId::startup()
}
