//! What both HTTP services share: how errors look, where a request's id comes from, probes, and the server's limits.

pub mod door;
pub mod health;
pub mod problem;
pub mod request_id;
pub mod server;

pub use problem::Problem;
