//! Which build of a program runs.

use std::fmt;
use std::sync::OnceLock;

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::instrument::Instrument;

static BUILD: OnceLock<Build> = OnceLock::new();

/// A build of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version, such as `0.2.0`.
    pub version: &'static str,
    /// The revision of the sources, or `unknown`.
    pub revision: &'static str,
}

impl Build {
    /// Notes which build this program is: first of all in `main`. Only the first call counts.
    pub fn note(self) {
        // It is the same in the whole process.
        let _ = BUILD.set(self);
    }

    /// The build of this program, if its `main` has noted it.
    pub fn of_this_program() -> Self {
        BUILD.get().copied().unwrap_or(Self { version: env!("CARGO_PKG_VERSION"), revision: "unknown" })
    }
}

/// As `--version` shows it: `0.2.0 (1a2b3c4)`.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.version, self.revision)
    }
}

/// The version and the revision of the program.
#[derive(Debug, Default)]
pub struct BuildInfo;

impl Instrument for BuildInfo {
    fn kind(&self) -> MetricType {
        MetricType::Info
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        ["version", "revision"].into_iter().map(|key| (key, Vec::new())).collect()
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Build { version, revision } = Build::of_this_program();
        encoder.encode_info(&[("version", version), ("revision", revision)])
    }
}
