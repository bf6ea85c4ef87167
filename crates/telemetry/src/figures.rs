//! Gauges that are read from elsewhere from time to time. What is not known now is not shown.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::family::known_values;
use crate::instrument::Instrument;
use crate::labels::{Labels, pairs};

/// A gauge for each combination of label values, or none where the value is unknown.
#[derive(Debug)]
pub struct Figures<L> {
    /// The bits of floats. What is no number is unknown.
    values: Box<[AtomicU64]>,
    labels: PhantomData<fn() -> L>,
}

impl<L: Labels> Default for Figures<L> {
    fn default() -> Self {
        let unknown = || AtomicU64::new(f64::NAN.to_bits());
        Self { values: L::all().into_iter().map(|_| unknown()).collect(), labels: PhantomData }
    }
}

impl<L: Labels> Figures<L> {
    /// The value is known.
    pub fn set(&self, labels: L, value: f64) {
        if let Some(place) = self.values.get(labels.place()) {
            place.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// No value is known any more.
    pub fn forget(&self) {
        for value in &self.values {
            value.store(f64::NAN.to_bits(), Ordering::Relaxed);
        }
    }

    fn known(&self) -> impl Iterator<Item = (L, f64)> {
        let values = self.values.iter().map(|value| f64::from_bits(value.load(Ordering::Relaxed)));
        L::all().into_iter().zip(values).filter(|(_, value)| !value.is_nan())
    }
}

impl<L: Labels> Instrument for Figures<L> {
    fn kind(&self) -> MetricType {
        MetricType::Gauge
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        known_values::<L>()
    }

    fn is_known(&self) -> bool {
        self.known().next().is_some()
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in self.known() {
            let pairs = pairs(labels);
            encoder.encode_family(&pairs)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

/// The name of a label whose values are names that another crate has.
pub trait Key: Send + Sync + 'static {
    /// The label's name.
    const KEY: &'static str;
}

/// A gauge for each name, which another crate says. Names are constants, so there are few.
#[derive(Debug)]
pub struct NamedFigures<K> {
    values: Mutex<BTreeMap<&'static str, f64>>,
    key: PhantomData<fn() -> K>,
}

impl<K> Default for NamedFigures<K> {
    fn default() -> Self {
        Self { values: Mutex::default(), key: PhantomData }
    }
}

impl<K: Key> NamedFigures<K> {
    /// These are known now, and no others.
    pub fn replace(&self, values: impl IntoIterator<Item = (&'static str, f64)>) {
        *self.lock() = values.into_iter().collect();
    }

    /// No value is known any more.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, f64>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Instrument for NamedFigures<K> {
    fn kind(&self) -> MetricType {
        MetricType::Gauge
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        vec![(K::KEY, Vec::new())]
    }

    fn is_known(&self) -> bool {
        !self.lock().is_empty()
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (name, value) in self.lock().iter() {
            let pairs = [(K::KEY, *name)];
            encoder.encode_family(&pairs)?.encode_gauge(value)?;
        }
        Ok(())
    }
}

/// The label `queue`: a queue of RabbitMQ.
#[derive(Debug)]
pub struct Queue;

impl Key for Queue {
    const KEY: &'static str = "queue";
}

/// The label `invariant`: a rule of the audit.
#[derive(Debug)]
pub struct Invariant;

impl Key for Invariant {
    const KEY: &'static str = "invariant";
}
