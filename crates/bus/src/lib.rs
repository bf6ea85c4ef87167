//! Everything that speaks AMQP: the topology, sessions that come back by themselves, confirmed
//! publishing, consuming.
//!
//! What amqprs does when a broker dies, freezes or refuses, and why a session is built as it is,
//! stands in [`session`]. The rule that follows: one task owns a connection and its one channel;
//! any failure drops both.

mod confirms;
pub mod dead_letters;
mod declaration;
pub mod delivery;
mod headers;
pub mod inspection;
pub mod message;
pub mod notifications;
pub mod orders;
pub mod permissions;
pub mod publisher;
mod reconnect;
mod refusal;
pub mod safety_net;
mod session;
pub mod topology;

pub use delivery::Delivery;
pub use message::Outgoing;
pub use publisher::{Confirm, PublishError, Publisher};
pub use session::{SessionError, check};
