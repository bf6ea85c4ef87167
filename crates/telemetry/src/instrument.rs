//! What a metric counts with.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric as _};

/// What a metric counts with, as a whole.
pub trait Instrument: Send + Sync + 'static {
    /// The type of its series.
    fn kind(&self) -> MetricType;

    /// Its labels with their values. No values: they are known at run time only.
    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)>;

    /// Whether there is anything to show.
    fn is_known(&self) -> bool {
        true
    }

    /// Shows all of its series.
    ///
    /// # Errors
    /// The text cannot be written.
    fn show(&self, encoder: MetricEncoder<'_>) -> fmt::Result;
}

/// What counts a single series.
pub trait Member: Default + Send + Sync + 'static {
    /// The type of the series.
    const KIND: MetricType;

    /// Shows it.
    ///
    /// # Errors
    /// The text cannot be written.
    fn show_one(&self, encoder: MetricEncoder<'_>) -> fmt::Result;
}

impl<M: Member> Instrument for M {
    fn kind(&self) -> MetricType {
        M::KIND
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        Vec::new()
    }

    fn show(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.show_one(encoder)
    }
}

impl Member for Counter {
    const KIND: MetricType = Self::TYPE;

    fn show_one(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.encode(encoder)
    }
}

impl Member for Gauge {
    const KIND: MetricType = Self::TYPE;

    fn show_one(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.encode(encoder)
    }
}
