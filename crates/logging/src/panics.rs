//! Panics as lines of the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use crate::Log;

/// A panic, with its place, and its backtrace if `RUST_BACKTRACE` asks for one.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Panic {
    what: String,
    source: Option<Trace>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Trace(String);

impl From<&PanicHookInfo<'_>> for Panic {
    fn from(info: &PanicHookInfo<'_>) -> Self {
        let trace = Backtrace::capture();
        let source = matches!(trace.status(), BacktraceStatus::Captured).then(|| Trace(trace.to_string()));
        Self { what: info.to_string(), source }
    }
}

/// From now on every panic of this process is an error in this log, and text on stderr as before: a log may be closed, or the process end
/// before it is written.
pub(crate) fn report(log: &Log) {
    let (log, before) = (log.clone(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        before(info);
        let message = "A task ended by an error in this program; please report it";
        log.error("panic", message, &Panic::from(info)).emit();
    }));
}
