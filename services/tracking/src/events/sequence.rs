//! In which sequence rows of a log go on, if they are committed in any.
//!
//! A row gets its id when it is written, and others see it when it is committed. So a row may be
//! there while one with a lower id is still to come, or will never come, because its transaction
//! was rolled back. Rows behind such a gap are held back for [`HOLD`]. Then they go on. If the
//! missing row comes after all, it goes on late. It is looked for until [`FORGET`].

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::seen::Seen;
use super::spans::{Span, Spans};

/// How long rows are held back behind a missing id.
pub const HOLD: Duration = Duration::from_secs(2);
/// How long a missing id is looked for.
pub const FORGET: Duration = Duration::from_mins(10);
/// Most gaps that are looked for; beyond that the oldest ones are forgotten.
const MOST_GAPS: usize = 1_000;
/// As soon as so many rows are held back, no further ones are read: they wait in the database. So
/// the gaps that are waited for are no more than these rows.
const MOST_HELD: usize = 3_000;

/// The state of one reader.
#[derive(Debug)]
pub struct Sequence<R> {
    /// The highest id that was read.
    newest: i64,
    /// Missing ids below it, sorted.
    gaps: Vec<Gap>,
    /// Rows that were read and did not go on yet.
    held: BTreeMap<i64, R>,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    span: Span,
    /// When the look began that found it missing.
    since: Instant,
    /// Whether rows behind it went on.
    is_passed: bool,
}

/// What goes on after a look.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<R> {
    /// The rows, by id, late ones first.
    pub rows: Vec<(i64, R)>,
    /// The gaps that are waited for no longer.
    pub passed: Vec<Span>,
}

/// What one look found.
#[derive(Debug)]
pub struct Look<R> {
    /// When it began.
    pub began: Instant,
    /// The rows, by id.
    pub rows: Vec<(i64, R)>,
    /// Whether there was no room for all rows: what is above the last one was not looked for.
    pub is_cut: bool,
}

impl<R> Sequence<R> {
    /// From these newest ids of the log on, the lowest first. What is missing between them may
    /// still come, and nothing waits for it.
    pub fn after(newest_ids: &[i64], now: Instant) -> Self {
        let gaps = newest_ids.windows(2).filter_map(|pair| match pair {
            [before, after] if before + 1 < *after => {
                let span = Span { lowest: before + 1, highest: after - 1 };
                Some(Gap { span, since: now, is_passed: true })
            }
            _ => None,
        });
        let mut sequence = Self {
            newest: newest_ids.last().copied().unwrap_or_default(),
            gaps: gaps.collect(),
            held: BTreeMap::new(),
        };
        sequence.forget(now);
        sequence
    }

    /// The ids to look for: the gaps, the newest row once more, by which the log is known again,
    /// and all that is new, while there is room for it.
    pub fn wanted(&self) -> Vec<(i64, i64)> {
        let gaps = self.gaps.iter().map(|gap| (gap.span.lowest, gap.span.highest));
        let highest = if self.held.len() < MOST_HELD { i64::MAX } else { self.newest };
        gaps.chain([(self.newest, highest)]).collect()
    }

    /// Whether a row of this id is new to it: above all that was read, or missing.
    pub fn lacks(&self, id: i64) -> bool {
        id > self.newest || self.gaps.iter().any(|gap| gap.span.contains(id))
    }

    /// The highest id that was read.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// All that went on so far, or never will.
    pub fn position(&self) -> Seen {
        let newest = self.barrier().map_or(self.newest, |barrier| barrier - 1);
        Seen::new(newest, &self.passed())
    }

    /// The gaps behind which rows went on.
    fn passed(&self) -> Spans {
        Spans::new(self.gaps.iter().filter(|gap| gap.is_passed).map(|gap| gap.span).collect())
    }

    /// The lowest id that is waited for.
    fn barrier(&self) -> Option<i64> {
        self.gaps.iter().find(|gap| !gap.is_passed).map(|gap| gap.span.lowest)
    }

    /// Takes what a look at the [wanted](Self::wanted) ids found, and returns what goes on.
    pub fn take(&mut self, look: Look<R>) -> Taken<R> {
        let Look { began, rows, is_cut } = look;
        let looked_up_to = if is_cut { rows.last().map_or(i64::MIN, |(id, _)| *id) } else { i64::MAX };
        for (id, row) in rows {
            if id > self.newest {
                if self.newest + 1 < id {
                    let span = Span { lowest: self.newest + 1, highest: id - 1 };
                    self.gaps.push(Gap { span, since: began, is_passed: false });
                }
                self.newest = id;
            } else if !self.fill(id) {
                continue;
            }
            self.held.insert(id, row);
        }
        let mut passed = Vec::new();
        for gap in self.gaps.iter_mut().filter(|gap| !gap.is_passed) {
            let was_looked_for = gap.span.highest <= looked_up_to;
            gap.is_passed = was_looked_for && began.duration_since(gap.since) >= HOLD;
            passed.extend(gap.is_passed.then_some(gap.span));
        }
        self.forget(began);
        let still_held = self.barrier().map(|barrier| self.held.split_off(&barrier)).unwrap_or_default();
        let rows = std::mem::replace(&mut self.held, still_held).into_iter().collect();
        Taken { rows, passed }
    }

    /// Whether the id was missing. From now on it is not.
    fn fill(&mut self, id: i64) -> bool {
        let Some(place) = self.gaps.iter().position(|gap| gap.span.contains(id)) else { return false };
        let gap = self.gaps.remove(place);
        let parts: Vec<Gap> = gap.span.without(id).map(|span| Gap { span, ..gap }).collect();
        self.gaps.splice(place..place, parts);
        true
    }

    fn forget(&mut self, now: Instant) {
        self.gaps.retain(|gap| now.duration_since(gap.since) < FORGET);
        let passed = self.gaps.iter().filter(|gap| gap.is_passed).count();
        let mut beyond = passed.saturating_sub(MOST_GAPS);
        self.gaps.retain(|gap| {
            let goes = gap.is_passed && beyond > 0;
            beyond -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// The pause between two looks.
    const TICK: Duration = Duration::from_millis(500);

    /// A log in which each id is committed at a tick, or never.
    struct Log(BTreeMap<i64, Option<usize>>);

    impl Log {
        fn look(&self, wanted: &[(i64, i64)], tick: usize, limit: usize) -> (Vec<(i64, ())>, bool) {
            let is_there = |id: &i64| self.0.get(id).copied().flatten().is_some_and(|at| at <= tick);
            let is_wanted =
                |id: &i64| wanted.iter().any(|(lowest, highest)| (lowest..=highest).contains(&id));
            let found: Vec<_> = self
                .0
                .keys()
                .copied()
                .filter(|id| is_there(id) && is_wanted(id))
                .map(|id| (id, ()))
                .collect();
            let is_cut = found.len() >= limit;
            (found.into_iter().take(limit).collect(), is_cut)
        }
    }

    fn commits() -> impl Strategy<Value = Vec<Option<usize>>> {
        prop::collection::vec(prop::option::weighted(0.9, 0..30_usize), 1..60)
    }

    proptest! {
        #[test]
        fn every_row_goes_on_once_and_only_late_ones_behind_higher_ones(
            commits in commits(), limit in 2..20_usize
        ) {
            let log = Log((1..).zip(commits).collect());
            let start = Instant::now();
            let mut sequence = Sequence::after(&[], start);
            let mut gone: Vec<(i64, Duration)> = Vec::new();
            let mut noticed: BTreeMap<i64, Duration> = BTreeMap::new();
            for tick in 0..150 {
                let after = TICK * u32::try_from(tick).unwrap();
                let began = start + after;
                let (rows, is_cut) = log.look(&sequence.wanted(), tick, limit);
                for (id, ()) in sequence.take(Look { began, rows, is_cut }).rows {
                    gone.push((id, after));
                }
                for id in 1..=sequence.newest() {
                    noticed.entry(id).or_insert(after);
                }
                let position = sequence.position();
                for id in log.0.keys() {
                    let went = gone.iter().any(|(known, _)| known == id);
                    prop_assert_eq!(went, went && position.has(*id), "{} {:?}", id, position);
                }
            }
            let ids: BTreeSet<i64> = gone.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(ids.len(), gone.len(), "twice");
            let all: BTreeSet<i64> = log.0.iter().filter(|(_, at)| at.is_some()).map(|(id, _)| *id).collect();
            prop_assert_eq!(&ids, &all);
            let mut highest = 0;
            for (id, _) in &gone {
                if *id < highest {
                    // It was still away when it had been waited for as long as that.
                    let at = TICK * u32::try_from(log.0[id].unwrap()).unwrap();
                    prop_assert!(at + TICK > noticed[id] + HOLD, "{} came in time", id);
                }
                highest = highest.max(*id);
            }
        }
    }

    fn ids(taken: Taken<()>) -> Vec<i64> {
        taken.rows.into_iter().map(|(id, ())| id).collect()
    }

    fn look(began: Instant, ids: &[i64]) -> Look<()> {
        Look { began, rows: ids.iter().map(|id| (*id, ())).collect(), is_cut: false }
    }

    #[test]
    fn rows_behind_a_gap_wait_until_it_is_filled_or_the_time_is_over() {
        let start = Instant::now();
        let mut sequence = Sequence::after(&[7], start);
        assert_eq!(ids(sequence.take(look(start, &[8, 10, 12]))), [8]);
        assert_eq!(sequence.wanted(), [(9, 9), (11, 11), (12, i64::MAX)]);
        assert_eq!(ids(sequence.take(look(start + HOLD / 2, &[9]))), [9, 10]);
        assert_eq!(sequence.position(), Seen::new(10, &Spans::default()));
        assert_eq!(ids(sequence.take(look(start + HOLD, &[]))), [12]);
        assert!(!sequence.position().has(11));
        assert_eq!(ids(sequence.take(look(start + HOLD * 2, &[11, 13]))), [11, 13]);
        assert_eq!(sequence.position(), Seen::new(13, &Spans::default()));
    }

    #[test]
    fn what_is_missing_at_the_start_comes_late_and_is_forgotten_in_time() {
        let start = Instant::now();
        let mut sequence = Sequence::after(&[3, 5, 9], start);
        assert_eq!(ids(sequence.take(look(start, &[7, 10]))), [7, 10]);
        assert_eq!(sequence.wanted(), [(4, 4), (6, 6), (8, 8), (10, i64::MAX)]);
        assert_eq!(ids(sequence.take(look(start + FORGET, &[]))), [0_i64; 0]);
        assert_eq!(sequence.wanted(), [(10, i64::MAX)]);
    }

    #[test]
    fn no_more_rows_are_read_than_there_is_room_for() {
        let start = Instant::now();
        let mut sequence = Sequence::after(&[1], start);
        let most = i64::try_from(MOST_HELD).unwrap();
        let behind: Vec<i64> = (3..=most + 1).collect();
        assert_eq!(ids(sequence.take(look(start, &behind))), [0_i64; 0]);
        assert_eq!(sequence.wanted(), [(2, 2), (most + 1, i64::MAX)]);
        assert_eq!(ids(sequence.take(look(start, &[most + 3]))), [0_i64; 0]);
        assert_eq!(sequence.wanted(), [(2, 2), (most + 2, most + 2), (most + 3, most + 3)]);
        // The first gap is filled, and the second one is waited for.
        assert_eq!(ids(sequence.take(look(start + HOLD / 2, &[2])))[..2], [2, 3]);
        assert_eq!(sequence.wanted(), [(most + 2, most + 2), (most + 3, i64::MAX)]);
    }

    #[test]
    fn a_row_that_nobody_asked_for_is_not_sent_again() {
        let start = Instant::now();
        let mut sequence = Sequence::after(&[], start);
        assert_eq!(ids(sequence.take(look(start, &[1, 2]))), [1, 2]);
        assert_eq!(ids(sequence.take(look(start, &[1, 2, 3]))), [3]);
    }
}
