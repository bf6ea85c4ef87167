//! Which messages were shown already: a message that was published twice is shown once.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// For how long an id is known at least, counted from the next message that comes: a broker
/// that is away for longer than this brings nothing meanwhile, and what was shown before is
/// still known when it is back. An update is published again within seconds of a publisher's or
/// the broker's return.
pub const KNOWN_FOR: Duration = Duration::from_hours(1);

/// Most ids of one generation. A set of so many hashes has 131,072 places of 9 bytes: two
/// generations take 2.4 MB.
const GENERATION: usize = 114_688;

/// The ids of the messages shown last, in two generations: when the younger one is old enough, it
/// takes the place of the older.
///
/// Of each id a hash of 64 bits is kept, under a key of this process: that a message is taken for
/// another one has a chance of 1 in 10¹³.
#[derive(Debug)]
pub struct Seen {
    key: RandomState,
    younger: HashSet<u64>,
    older: HashSet<u64>,
    /// Since when the younger generation is filled.
    since: Instant,
}

/// What a look at an id has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It was not known, and is from now on.
    New,
    /// The same; but so many ids came that the older ones are known for less time than they should.
    NewAndCrowded {
        /// For how long the oldest id is known.
        known_for: Duration,
    },
    /// It was shown.
    Known,
}

impl Seen {
    /// Nothing was shown yet.
    pub fn new(now: Instant) -> Self {
        Self { key: RandomState::new(), younger: HashSet::new(), older: HashSet::new(), since: now }
    }

    /// Looks whether an id is known, and remembers it.
    pub fn look(&mut self, id: &str, now: Instant) -> Look {
        let hash = self.key.hash_one(id);
        if self.younger.contains(&hash) || self.older.contains(&hash) {
            return Look::Known;
        }
        let age = now.saturating_duration_since(self.since);
        let is_crowded = self.younger.len() >= GENERATION;
        if is_crowded || age >= KNOWN_FOR {
            self.older = std::mem::take(&mut self.younger);
            self.since = now;
        }
        self.younger.insert(hash);
        if is_crowded && age < KNOWN_FOR { Look::NewAndCrowded { known_for: age } } else { Look::New }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_known_by_time_whatever_came_between() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        assert_eq!(seen.look("first", start), Look::New);
        for number in 0..100_000 {
            assert_eq!(seen.look(&number.to_string(), start), Look::New);
        }
        assert_eq!(seen.look("first", start + KNOWN_FOR), Look::Known);
    }

    #[test]
    fn an_id_is_known_for_its_time_after_a_pause_of_any_length() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        assert_eq!(seen.look("before the pause", start), Look::New);
        let back = start + Duration::from_hours(24);
        assert_eq!(seen.look("after", back), Look::New);
        assert_eq!(seen.look("before the pause", back + KNOWN_FOR.mul_f64(0.99)), Look::Known);
        assert_eq!(seen.look("later", back + KNOWN_FOR), Look::New);
        assert_eq!(seen.look("before the pause", back + KNOWN_FOR), Look::New, "forgotten");
    }

    #[test]
    fn the_memory_is_bounded_and_says_so_when_it_is_short() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        let mut crowded = 0;
        for number in 0..3 * GENERATION {
            let now = start + Duration::from_millis(u64::try_from(number).unwrap());
            if let Look::NewAndCrowded { known_for } = seen.look(&number.to_string(), now) {
                crowded += 1;
                assert!(known_for < KNOWN_FOR);
            }
        }
        assert_eq!(crowded, 2);
        assert!(seen.younger.len() + seen.older.len() <= 2 * GENERATION);
        assert!(seen.younger.capacity().max(seen.older.capacity()) <= 131_072);
        assert_eq!(seen.look(&(2 * GENERATION - 1).to_string(), start), Look::Known);
    }
}
