//! Panics as lines of the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;

use crate::Log;

/// A panic, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Panic(String);

/// From now on every panic of this process is an error in this log, with a backtrace if
/// `RUST_BACKTRACE` asks for one. It stays text on stderr, too: the log may be closed, or the
/// process may end before the line is written.
pub(crate) fn report(log: &Log) {
    let (log, before) = (log.clone(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        before(info);
        let message = "A task ended by an error in this program; please report it";
        let mut line = log.error("panic", message, &Panic(info.to_string()));
        let trace = Backtrace::capture();
        if matches!(trace.status(), BacktraceStatus::Captured) {
            line = line.trace(trace.to_string());
        }
        line.emit();
    }));
}
