//! A series for each combination of label values.

use std::fmt;
use std::marker::PhantomData;

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::instrument::{Instrument, Member};
use crate::labels::{Labels, pairs};

/// A series for each combination of label values. All of them exist from the start: none is made
/// while the program works, so finding one takes no lock.
#[derive(Debug)]
pub struct Family<L, M> {
    members: Box<[M]>,
    labels: PhantomData<fn() -> L>,
}

impl<L: Labels, M: Member> Default for Family<L, M> {
    fn default() -> Self {
        Self { members: L::all().into_iter().map(|_| M::default()).collect(), labels: PhantomData }
    }
}

impl<L: Labels, M: Member> Family<L, M> {
    /// The series of these values.
    #[expect(clippy::indexing_slicing, reason = "there is one for each place")]
    pub fn of(&self, labels: L) -> &M {
        &self.members[labels.place()]
    }
}

impl<L: Labels, M: Member> Instrument for Family<L, M> {
    fn kind(&self) -> MetricType {
        M::KIND
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        known_values::<L>()
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, member) in L::all().into_iter().zip(&self.members) {
            let pairs = pairs(labels);
            member.show_one(encoder.encode_family(&pairs)?)?;
        }
        Ok(())
    }
}

/// The labels, each with its values.
pub(crate) fn known_values<L: Labels>() -> Vec<(&'static str, Vec<&'static str>)> {
    let all: Vec<Vec<&'static str>> = L::all().into_iter().map(Labels::values).collect();
    let values_of = |place: usize| {
        let mut values = Vec::new();
        for value in all.iter().filter_map(|values| values.get(place).copied()) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    };
    L::keys().into_iter().enumerate().map(|(place, key)| (key, values_of(place))).collect()
}
