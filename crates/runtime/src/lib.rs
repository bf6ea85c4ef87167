//! What every program of the system needs before and around its work: arguments, configuration, the
//! way to stop, and patience with servers that are away.

pub mod addresses;
pub mod arguments;
pub mod backoff;
pub mod config;
pub mod exit;
pub mod failpoint;
pub mod memory_limit;
pub mod open_files;
mod reachable;
pub mod shutdown;
pub mod signals;
pub mod time_span;

pub use backoff::Backoff;
pub use config::Config;
pub use exit::{Exit, with_causes};
pub use reachable::reachable;
pub use shutdown::Shutdown;
