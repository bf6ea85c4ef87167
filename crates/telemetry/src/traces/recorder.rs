//! What this process does about traces. It is set once, when the process starts.

use std::sync::OnceLock;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::queue::{self, Finished};
use super::sampling::Sampling;

/// Most links of a span: a statement links to all that share it, and that many look up together.
/// The SDK keeps 128 by default.
const MAX_LINKS: u32 = 512;

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    recorder: Option<Recorder>,
    decides: bool,
    trusts_callers: bool,
    database: String,
}

/// What makes spans.
pub(super) struct Recorder {
    pub(super) sampling: Sampling,
    /// Asks the sampler.
    pub(super) sampled: SdkTracer,
    /// Records whatever begins.
    pub(super) always: SdkTracer,
}

/// Sets it. A second call changes nothing.
pub(super) fn set(
    resource: &Resource,
    sampling: Option<Sampling>,
    trusts_callers: bool,
    database: String,
) -> Option<Finished> {
    let decides = sampling.is_some();
    let (recorder, finished) = match sampling.filter(|sampling| !sampling.is_never()) {
        None => (None, None),
        Some(sampling) => {
            let (queue, finished) = queue::queue(resource);
            let tracer = |sampler: Sampler| {
                let provider = SdkTracerProvider::builder()
                    .with_resource(resource.clone())
                    .with_sampler(sampler)
                    .with_max_links_per_span(MAX_LINKS)
                    .with_span_processor(queue.clone());
                provider.build().tracer("restaurant")
            };
            let recorder =
                Recorder { sampling, sampled: tracer(sampling.sampler()), always: tracer(Sampler::AlwaysOn) };
            (Some(recorder), Some(finished))
        }
    };
    TRACES.set(Traces { recorder, decides, trusts_callers, database }).ok().and(finished)
}

/// `None` if nothing is recorded.
pub(super) fn recorder() -> Option<&'static Recorder> {
    TRACES.get()?.recorder.as_ref()
}

/// Whether this process decides what is recorded, if only that nothing is. Without a collector it
/// leaves that to others.
pub(super) fn decides() -> bool {
    TRACES.get().is_some_and(|traces| traces.decides)
}

/// Whether the flag of a caller counts.
pub(super) fn trusts_callers() -> bool {
    TRACES.get().is_none_or(|traces| traces.trusts_callers)
}

/// The name of the database.
pub(super) fn database() -> &'static str {
    TRACES.get().map_or("", |traces| &traces.database)
}
