//! A piece of work in a trace.

use std::borrow::Cow;

use domain::{RequestId, TraceParent};
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId,
    TraceState,
};
use opentelemetry::{Context, KeyValue};

use super::caller::Caller;
use super::recorder::{Recorder, decides, recorder};

/// A piece of work. It ends when it is dropped. Most are not recorded: these are empty.
#[derive(Debug, Default)]
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

/// What a span comes after.
pub(super) enum Cause {
    /// A request from outside.
    Request(Caller),
    /// A span of this process.
    Here(Option<TraceParent>),
    /// A span of another process.
    Elsewhere(Option<TraceParent>),
    /// A span of long ago: a new trace begins, which points to the old one.
    LongAgo(Option<TraceParent>),
    /// Several spans that share this one, which belongs to the trace of the first.
    Several(Vec<TraceParent>),
}

impl Span {
    /// Nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Begins a span, if it is recorded. Only then its name and attributes are asked for.
    pub(super) fn begin(
        kind: SpanKind,
        cause: Cause,
        describe: impl FnOnce() -> (Cow<'static, str>, Vec<KeyValue>),
    ) -> Self {
        let Some(recorder) = recorder() else { return Self::none() };
        let Some(mut span) = sdk_span(recorder, kind, cause).filter(opentelemetry::trace::Span::is_recording)
        else {
            return Self::none();
        };
        let (name, attributes) = describe();
        span.update_name(name);
        span.set_attributes(attributes);
        Self(Some(Box::new(span)))
    }

    /// Whether it is recorded.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// What it causes has this place in the trace. `None` if it is not recorded.
    pub fn trace(&self) -> Option<TraceParent> {
        let context = self.0.as_ref()?.span_context();
        TraceParent::new(
            u128::from_be_bytes(context.trace_id().to_bytes()),
            u64::from_be_bytes(context.span_id().to_bytes()),
            context.trace_flags().to_u8(),
        )
    }

    /// What it causes has this place in the trace of its parent: its own, or that of the parent if
    /// it is not recorded. If a sampler of ours left it out, the trace does not go on as a recorded
    /// one: whoever comes after would be below a gap (OpenTelemetry, Tracing SDK, "Sampling").
    pub fn or(&self, parent: TraceParent) -> TraceParent {
        match self.trace() {
            Some(trace) => trace,
            None if decides() => parent.not_sampled(),
            None => parent,
        }
    }

    /// The id of the request, as what this span causes has it: see [`or`](Self::or).
    pub fn around(&self, id: RequestId) -> RequestId {
        let trace = self.trace().or_else(|| id.trace().map(|parent| self.or(parent)));
        id.with_trace(trace)
    }

    /// Changes what is known by now.
    pub(super) fn describe(&mut self, change: impl FnOnce(&mut opentelemetry_sdk::trace::Span)) {
        if let Some(span) = &mut self.0 {
            change(span);
        }
    }
}

fn sdk_span(recorder: &Recorder, kind: SpanKind, cause: Cause) -> Option<opentelemetry_sdk::trace::Span> {
    // The name comes later, if there is a span.
    let builder = SpanBuilder::from_name("").with_kind(kind);
    let (sampled, root) = (&recorder.sampled, Context::new());
    let may_follow = |parent: &TraceParent| recorder.sampling.may_follow(parent);
    match cause {
        Cause::Request(Caller::Silent) => Some(builder.start_with_context(sampled, &root)),
        Cause::Request(Caller::Untrusted(parent)) => {
            let span = builder.start_with_context(sampled, &root);
            // The link is worth its memory only if there is a span.
            span.is_recording().then(|| linked(span, &parent))
        }
        Cause::Request(Caller::Trusted(parent)) => {
            may_follow(&parent).then(|| builder.start_with_context(sampled, &after(&parent, true)))
        }
        Cause::Here(parent) => {
            let parent = parent.filter(may_follow)?;
            Some(builder.start_with_context(sampled, &after(&parent, false)))
        }
        Cause::Elsewhere(parent) => {
            let parent = parent.filter(may_follow)?;
            Some(builder.start_with_context(sampled, &after(&parent, true)))
        }
        // Its trace was chosen already. A sampler would choose anew.
        Cause::LongAgo(parent) => {
            let parent = parent.filter(TraceParent::is_sampled)?;
            Some(linked(builder.start_with_context(&recorder.always, &root), &parent))
        }
        Cause::Several(parents) => {
            let first = parents.first().copied()?;
            let links = parents.iter().map(|parent| Link::with_context(context(parent, false))).collect();
            Some(builder.with_links(links).start_with_context(sampled, &after(&first, false)))
        }
    }
}

fn linked(mut span: opentelemetry_sdk::trace::Span, to: &TraceParent) -> opentelemetry_sdk::trace::Span {
    span.add_link(context(to, true), Vec::new());
    span
}

fn after(parent: &TraceParent, is_remote: bool) -> Context {
    Context::new().with_remote_span_context(context(parent, is_remote))
}

fn context(parent: &TraceParent, is_remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from(parent.trace_id().get()),
        SpanId::from(parent.parent_id()),
        TraceFlags::new(parent.flags()),
        is_remote,
        TraceState::NONE,
    )
}
