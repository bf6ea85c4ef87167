//! A histogram of atomics. That of `prometheus-client` takes a mutex for each value.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::instrument::Member;

/// The upper bounds of a histogram's buckets, without that of infinity.
pub trait Buckets: Send + Sync + 'static {
    /// In ascending order.
    const BOUNDS: &'static [f64];
}

/// Counts values by buckets.
#[derive(Debug)]
pub struct Histogram<B> {
    counts: Box<[AtomicU64]>,
    /// The bits of a float.
    sum: AtomicU64,
    buckets: PhantomData<fn() -> B>,
}

impl<B: Buckets> Default for Histogram<B> {
    fn default() -> Self {
        // One more, for what is above all bounds.
        let counts = (0..=B::BOUNDS.len()).map(|_| AtomicU64::new(0)).collect();
        Self { counts, sum: AtomicU64::new(0_f64.to_bits()), buckets: PhantomData }
    }
}

impl<B: Buckets> Histogram<B> {
    /// Counts a value.
    pub fn observe(&self, value: f64) {
        let place = B::BOUNDS.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let add = |sum: u64| Some((f64::from_bits(sum) + value).to_bits());
        // It always adds, so there is no error.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Counts a time, in seconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// Counts a number of things.
    pub fn observe_count(&self, count: usize) {
        self.observe(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
}

impl<B: Buckets> Member for Histogram<B> {
    const KIND: MetricType = MetricType::Histogram;

    fn show_one(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = B::BOUNDS.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// Seconds of a request, a statement, a confirm.
#[derive(Debug)]
pub struct Short;

impl Buckets for Short {
    const BOUNDS: &'static [f64] =
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
}

/// Seconds of an order's life.
#[derive(Debug)]
pub struct Long;

impl Buckets for Long {
    const BOUNDS: &'static [f64] =
        &[0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];
}

/// How many share something.
#[derive(Debug)]
pub struct Counts;

impl Buckets for Counts {
    const BOUNDS: &'static [f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_where_it_belongs() {
        let histogram = Histogram::<Counts>::default();
        for count in [1, 2, 3, 256, 257, 100_000] {
            histogram.observe_count(count);
        }
        let counts: Vec<u64> = histogram.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [1, 1, 1, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(f64::from_bits(histogram.sum.load(Ordering::Relaxed)).to_bits(), 100_519_f64.to_bits());
    }
}
