//! What both HTTP services share: problem bodies, request ids, probes, who is staff, and the server
//! with its limits.

pub mod admin;
mod base_path;
mod blank_line;
pub mod breaker;
mod certificate;
mod client_address;
mod clock;
pub mod conditional;
mod connection;
mod connections;
mod cross_site;
pub mod description;
mod doubled;
pub mod drain;
mod ending;
pub mod event_stream;
mod exchange;
pub mod health;
pub mod limits;
mod listener;
mod measured;
mod middleware;
pub mod negotiation;
mod open_connections;
pub mod openapi;
mod own_origins;
mod peer;
mod phase;
mod pool;
pub mod problem;
mod rate_limit;
pub mod request_id;
pub mod resource;
pub mod server;
pub mod staff;
mod stream;
mod stream_slots;
mod traced;
mod transport;

pub use exchange::read_json;
pub use problem::Problem;
