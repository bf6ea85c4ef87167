//! Which traces are recorded.

use domain::TraceParent;
use opentelemetry_sdk::trace::Sampler;

/// Which traces are recorded: the samplers that OpenTelemetry's SDKs have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Whether a trace that began elsewhere is recorded if its caller says so, and otherwise not.
    pub follows_parent: bool,
    /// What holds for those that begin here, or for all.
    pub root: Root,
}

/// Which traces are recorded, whoever calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Root {
    /// All.
    All,
    /// None.
    None,
    /// This part of them, from 0 to 1. Their ids decide, so each service decides the same.
    Ratio(f64),
}

impl Sampling {
    /// Whether no trace is ever recorded.
    pub(super) fn is_never(&self) -> bool {
        !self.follows_parent && self.root == Root::None
    }

    /// Whether what this parent caused may be recorded. `false` saves asking the sampler.
    pub(super) fn may_follow(&self, parent: &TraceParent) -> bool {
        parent.is_sampled() || !self.follows_parent
    }

    pub(super) fn sampler(&self) -> Sampler {
        let root = match self.root {
            Root::All => Sampler::AlwaysOn,
            Root::None => Sampler::AlwaysOff,
            Root::Ratio(ratio) => Sampler::TraceIdRatioBased(ratio),
        };
        if self.follows_parent { Sampler::ParentBased(Box::new(root)) } else { root }
    }
}
