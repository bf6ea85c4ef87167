//! Sets of ids, as spans.

/// Ids from the lowest to the highest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub lowest: i64,
    pub highest: i64,
}

/// A set of ids: spans that do not touch each other's ids, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl Span {
    pub fn contains(self, id: i64) -> bool {
        (self.lowest..=self.highest).contains(&id)
    }

    /// The parts below and above an id.
    pub fn without(self, id: i64) -> impl Iterator<Item = Self> {
        let below = Self { highest: self.highest.min(id.saturating_sub(1)), ..self };
        let above = Self { lowest: self.lowest.max(id.saturating_add(1)), ..self };
        [below, above].into_iter().filter(move |part| part.lowest <= part.highest && !part.contains(id))
    }
}

impl Spans {
    /// Of spans that are sorted and do not overlap.
    pub fn new(sorted: Vec<Span>) -> Self {
        debug_assert!(sorted.windows(2).all(|pair| matches!(pair, [a, b] if a.highest < b.lowest)));
        Self(sorted)
    }

    pub fn contains(&self, id: i64) -> bool {
        let place = self.0.partition_point(|span| span.highest < id);
        self.0.get(place).is_some_and(|span| span.contains(id))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().copied()
    }

    /// Without one id.
    #[must_use]
    pub fn without(&self, id: i64) -> Self {
        Self(self.iter().flat_map(|span| span.without(id)).collect())
    }

    /// The ids that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut ours, mut others) = (self.iter().peekable(), other.iter().peekable());
        let mut both = Vec::new();
        while let (Some(our), Some(their)) = (ours.peek(), others.peek()) {
            let lowest = our.lowest.max(their.lowest);
            let highest = our.highest.min(their.highest);
            if lowest <= highest {
                both.push(Span { lowest, highest });
            }
            if our.highest < their.highest {
                ours.next();
            } else {
                others.next();
            }
        }
        Self(both)
    }

    /// The highest spans, so many at most.
    #[must_use]
    pub fn highest(&self, count: usize) -> Self {
        Self(self.0.iter().skip(self.0.len().saturating_sub(count)).copied().collect())
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    pub fn spans_of(ids: &BTreeSet<i64>) -> Spans {
        let mut spans: Vec<Span> = Vec::new();
        for id in ids {
            match spans.last_mut() {
                Some(last) if last.highest + 1 == *id => last.highest = *id,
                _ => spans.push(Span { lowest: *id, highest: *id }),
            }
        }
        Spans::new(spans)
    }

    proptest! {
        #[test]
        fn they_are_sets(
            one in prop::collection::btree_set(0..40_i64, 0..30),
            other in prop::collection::btree_set(0..40_i64, 0..30),
            id in 0..40_i64,
        ) {
            let (spans, others) = (spans_of(&one), spans_of(&other));
            prop_assert_eq!(spans.contains(id), one.contains(&id));
            let both: BTreeSet<i64> = one.intersection(&other).copied().collect();
            let without = spans.without(id);
            for any in 0..40 {
                prop_assert_eq!(spans.and(&others).contains(any), both.contains(&any));
                prop_assert_eq!(without.contains(any), one.contains(&any) && any != id);
            }
        }
    }

    #[test]
    fn the_ends_of_all_numbers_are_ids_too() {
        let all = Spans::new(vec![Span { lowest: i64::MIN, highest: i64::MAX }]);
        assert!(!all.without(i64::MAX).contains(i64::MAX) && !all.without(i64::MIN).contains(i64::MIN));
        assert!(all.without(i64::MIN).contains(i64::MAX));
    }
}
