//! The log contract: one JSON object a line on stdout, its fields in the order of the specification
//! ("Logging Format"), then `details`, `duration_ms` and `error`.
//!
//! ```no_run
//! use logging::action::SERVICE_STARTED;
//!
//! let (log, flush) = logging::start("order-service", logging::Level::Debug);
//! log.info(SERVICE_STARTED, "Order Service started on port 3000").detail("port", 3000).emit();
//! drop(flush); // the last lines are out
//! ```

pub mod action;
mod bucket;
mod clock;
mod cut;
mod line;
mod log;
mod panics;
mod printable;
mod sink;
mod suppression;

use std::fs::File;
use std::os::fd::AsFd as _;

use crate::sink::Sink;

pub use action::Action;
pub use bucket::Bucket;
pub use line::Level;
pub use log::{Entry, Log};
pub use printable::{printable, visible, visible_json};
pub use sink::{FlushOnDrop, Printed};

/// Starts logging to stdout, including panics. Lines below `level` are dropped before they are
/// formatted.
///
/// Dropping the guard writes all pending lines: keep it until the very end of `main`.
pub fn start(service: &'static str, level: Level) -> (Log, FlushOnDrop) {
    // Bypass the buffer of the standard library: it does not tell whether its bytes have been
    // written.
    let (log, flush) = match std::io::stdout().as_fd().try_clone_to_owned() {
        Ok(stdout) => start_on(service, level, File::from(stdout)),
        Err(why) => {
            sink::complain(format_args!("logging is off: cannot open stdout: {why}"));
            start_on(service, level, std::io::sink())
        }
    };
    panics::report(&log);
    (log, flush)
}

/// Like [`start`], but to another output. It must not buffer.
pub fn start_on(
    service: &'static str,
    level: Level,
    output: impl std::io::Write + Send + 'static,
) -> (Log, FlushOnDrop) {
    let sink = Sink::new();
    let log = Log::new(service, level, &sink);
    let flush = sink.write_to(output, {
        let log = log.clone();
        move |outage| log.report(outage)
    });
    (log, flush)
}
