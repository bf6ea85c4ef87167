//! Distributed traces, by OpenTelemetry: spans of requests, statements and messages.
//!
//! A trace goes where its request id goes: [`RequestId`](domain::RequestId) carries both. A span
//! begins where its parent is sampled, and otherwise costs neither memory nor time worth speaking
//! of. What has ended waits in a bounded queue; what does not fit in is counted and dropped. Who
//! sends it is not this crate's matter: see [`Finished`].
//!
//! [`conventions`] has every name that is shown to others.

mod answer;
mod caller;
pub mod conventions;
mod queue;
mod recorder;
mod sampling;
mod span;

pub use self::answer::rejected_spans;
pub use self::caller::Caller;
pub use self::queue::{Batch, Finished};
pub use self::sampling::{Root, Sampling};
pub use self::span::Span;

/// How traces are recorded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the service.
    pub service: &'static str,
    /// Which traces are recorded; `None`: none are, because nobody collects them.
    pub sampling: Option<Sampling>,
    /// Whether the flag of a caller counts.
    pub trusts_callers: bool,
    /// The name of the database, for the spans of statements.
    pub database: String,
}

/// Begins to record, if the settings say so. Returns the spans that have ended, for whoever sends
/// them. Until it is called nothing is recorded, and callers are trusted. A second call changes
/// nothing.
pub fn start(settings: Settings) -> Option<Finished> {
    let Settings { service, sampling, trusts_callers, database } = settings;
    recorder::set(&conventions::resource(service), sampling, trusts_callers, database)
}
