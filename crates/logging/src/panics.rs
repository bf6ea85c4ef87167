//! Logs panics.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;

use crate::{Log, action};

/// A panic's message and position.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Panic(String);

/// Logs every further panic of this process as an error, with a backtrace if `RUST_BACKTRACE` asks
/// for one. The text still goes to stderr as well, because the log may be closed, or the process
/// may end before the line is written.
pub(crate) fn report(log: &Log) {
    let (log, before) = (log.clone(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        before(info);
        let message = "A task ended by an error in this program; please report it";
        let mut line = log.error(action::PANIC, message, &Panic(info.to_string()));
        let trace = Backtrace::capture();
        if matches!(trace.status(), BacktraceStatus::Captured) {
            line = line.trace(trace.to_string());
        }
        line.emit();
    }));
}
