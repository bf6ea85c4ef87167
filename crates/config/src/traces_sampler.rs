//! Which traces are recorded.

use std::fmt;
use std::str::FromStr;

/// A sampler, by the names that all SDKs of OpenTelemetry read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TracesSampler {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A part of them.
    Ratio,
    /// Those of callers that say so; of the others all.
    ParentOrOn,
    /// Those of callers that say so; of the others none.
    ParentOrOff,
    /// Those of callers that say so; of the others a part.
    #[default]
    ParentOrRatio,
}

impl TracesSampler {
    const ALL: [(Self, &str); 6] = [
        (Self::AlwaysOn, "always_on"),
        (Self::AlwaysOff, "always_off"),
        (Self::Ratio, "traceidratio"),
        (Self::ParentOrOn, "parentbased_always_on"),
        (Self::ParentOrOff, "parentbased_always_off"),
        (Self::ParentOrRatio, "parentbased_traceidratio"),
    ];
}

impl FromStr for TracesSampler {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(sampler, _)| sampler).ok_or(())
    }
}

impl fmt::Display for TracesSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.into_iter().find(|(sampler, _)| sampler == self);
        f.write_str(named.map_or("", |(_, name)| name))
    }
}
