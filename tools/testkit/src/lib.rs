//! For tests only: runs real services on a real PostgreSQL and a real RabbitMQ. Each test has its
//! own database and vhost, and can observe HTTP responses, log lines, rows and messages.
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
//! Tests never sleep for a guessed time: every condition is awaited, with a deadline ([`wait`]).

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

pub mod amqp_frames;
pub mod authority;
pub mod broker;
pub mod clusters;
pub mod collector;
pub mod database;
pub mod drill;
pub mod event_stream;
pub mod fake_broker;
pub mod gateway;
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

pub use authority::{Authority, Certified};
pub use broker::Broker;
pub use clusters::{PrimaryAndStandby, ThreeNodes};
pub use collector::Collector;
pub use devcluster::PortClaim;
pub use event_stream::EventStream;
pub use gateway::Gateway;
pub use pgbouncer::Pgbouncer;
pub use proxy::Proxy;
pub use service::{Launch, Service, Signal};
pub use stage::Stage;
pub use wait::{DEADLINE, eventually};
