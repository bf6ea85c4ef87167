//! For tests only: real services on a real PostgreSQL and a real RabbitMQ, each test with a
//! database and a vhost of its own, and the eyes to see what they do: HTTP answers, log
//! lines, rows, messages.
//!
//! ```no_run
//! # async fn test() {
//! let stage = testkit::Stage::new().await;
//! let orders = stage.order_service().start().await;
//! let answer = orders.post("/orders", r#"{"customer_name": "Jane"}"#).await;
//! assert_eq!(answer.status, 400);
//! orders.log("validation_failed").await;
//! # }
//! ```
//!
//! Nothing here sleeps for a guess: everything is awaited, with a deadline ([`wait`]).

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

pub mod broker;
pub mod database;
pub mod fake_broker;
pub mod http;
mod lines;
pub mod orders;
pub mod pgbouncer;
pub mod proxy;
pub mod raw_publisher;
pub mod service;
pub mod shared_servers;
pub mod stage;
pub mod wait;

pub use broker::Broker;
pub use devcluster::PortClaim;
pub use pgbouncer::Pgbouncer;
pub use proxy::Proxy;
pub use service::{Launch, Service, Signal};
pub use stage::Stage;
pub use wait::{DEADLINE, eventually};
