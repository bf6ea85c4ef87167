//! What somebody outside says about the trace that a request belongs to.

use domain::TraceParent;

use super::recorder;

/// What somebody outside says about the trace that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nothing, or nothing that can be read.
    Silent,
    /// The request belongs to this trace.
    Trusted(TraceParent),
    /// It says this, and whether the trace is recorded is not for it to decide.
    Untrusted(TraceParent),
}

impl Caller {
    /// Reads the value of a `traceparent`, if there is one.
    pub fn of(traceparent: Option<&str>) -> Self {
        traceparent.and_then(TraceParent::parse).into()
    }

    /// One of our services says this. It had decided already whether to believe its caller.
    pub fn ours(parent: Option<TraceParent>) -> Self {
        parent.map_or(Self::Silent, Self::Trusted)
    }

    /// The place in a trace that is passed on unless a span of ours takes it.
    pub fn trace(self) -> Option<TraceParent> {
        match self {
            Self::Trusted(parent) => Some(parent),
            Self::Silent | Self::Untrusted(_) => None,
        }
    }
}

impl From<Option<TraceParent>> for Caller {
    fn from(parent: Option<TraceParent>) -> Self {
        match parent {
            None => Self::Silent,
            Some(parent) if recorder::trusts_callers() => Self::Trusted(parent),
            Some(parent) => Self::Untrusted(parent),
        }
    }
}
