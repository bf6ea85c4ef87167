//! Everything that speaks AMQP: the topology, sessions, confirmed publishing, consuming.
//!
//! [`session`] says how amqprs behaves when a broker dies, freezes or refuses. The rule that
//! follows: one task owns a connection and its one channel. Any failure drops both, and the task
//! connects again.

mod confirms;
mod consuming;
mod dead_letter_publisher;
pub mod dead_letters;
mod declaration;
pub mod delivery;
mod headers;
pub mod inspection;
mod link_state;
pub mod message;
pub mod notifications;
pub mod orders;
pub mod permissions;
pub mod publisher;
mod reconnect;
mod refusal;
pub mod requests;
pub mod safety_net;
mod session;
pub mod topology;
mod trust;

pub use dead_letter_publisher::{DeadLetterError, DeadLetterPublisher};
pub use delivery::Delivery;
pub use link_state::LinkState;
pub use message::Outgoing;
pub use publisher::{Confirm, PublishError, Publisher};
pub use session::{SessionError, check};
pub use topology::EventStream;
pub use trust::UntrustedPublisher;
