//! The log contract: one JSON object a line on stdout, its fields in the order of the specification
//! ("Logging Format"), then `details`, `duration_ms` and `error`.
//!
//! ```no_run
//! let (log, flush) = logging::start("order-service", logging::Level::Debug);
//! log.info("service_started", "Order Service started on port 3000").detail("port", 3000).emit();
//! drop(flush); // the last lines are out
//! ```

mod line;
mod log;
mod panics;
mod printable;
mod sink;

pub use line::Level;
pub use log::{Entry, Log};
pub use printable::{printable, visible, visible_json};
pub use sink::FlushOnDrop;

/// Starts logging to stdout, and panics are logged too. Lines below `level` are dropped before they are formatted.
///
/// The guard writes what is still waiting when it is dropped: keep it until the very end of `main`.
pub fn start(service: &'static str, level: Level) -> (Log, FlushOnDrop) {
    let (log, flush) = start_on(service, level, std::io::stdout());
    panics::report(&log);
    (log, flush)
}

/// As [`start`], to something else than stdout.
pub fn start_on(
    service: &'static str,
    level: Level,
    output: impl std::io::Write + Send + 'static,
) -> (Log, FlushOnDrop) {
    let (sink, flush) = sink::start(output);
    (Log::new(service, level, sink), flush)
}
