//! Which build of a program runs.

use std::fmt;

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::instrument::Instrument;

/// The revision of the sources, where whoever builds says it.
const REVISION: &str = match option_env!("RESTAURANT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

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
        encoder.encode_info(&[("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION)])
    }
}
