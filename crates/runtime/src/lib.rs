//! What every program of the system needs around its work: arguments, shutdown, backoff, and
//! terminal output.

pub mod addresses;
pub mod arguments;
pub mod backoff;
mod catch_panic;
pub mod clock;
pub mod console;
pub mod exit;
pub mod failpoint;
pub mod http_client;
pub mod memory_limit;
pub mod open_files;
pub mod password;
mod reachable;
pub mod retry;
pub mod shell;
pub mod shutdown;
pub mod signals;
pub mod time_span;

pub use backoff::{Backoff, FailedAttempt};
pub use catch_panic::catch_panic;
pub use console::Console;
pub use exit::{Exit, with_causes};
pub use reachable::reachable;
pub use shutdown::Shutdown;
