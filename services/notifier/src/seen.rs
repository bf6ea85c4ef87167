//! Remembers which messages were shown, so that a message that was published twice is shown once.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// How long an id is remembered at least. The time counts from the arrival of the next message: a
/// longer outage of the broker delivers nothing, so the ids from before it are still known
/// afterwards. A publisher repeats an update within seconds of its own or the broker's return.
pub const KNOWN_FOR: Duration = Duration::from_hours(1);

/// The largest number of ids in one generation. A set of that many hashes has 131,072 slots of 9
/// bytes: two generations take 2.4 MB.
const GENERATION: usize = 114_688;

/// The ids of recent messages, in two generations. When the younger generation is old enough, it
/// replaces the older one.
///
/// Each id is kept as a 64-bit hash under a random key of this process. The chance that a new
/// message is taken for a repeat is 1 in 10¹³.
#[derive(Debug)]
pub struct Seen {
    key: RandomState,
    younger: HashSet<u64>,
    older: HashSet<u64>,
    /// When the younger generation was started.
    since: Instant,
}

/// The result of looking up an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The id was unknown, and is remembered now.
    New,
    /// The same, but ids arrive so fast that older ones are forgotten too early.
    NewAndCrowded {
        /// How long ids are remembered at this rate.
        known_for: Duration,
    },
    /// The message was shown before.
    Known,
}

impl Seen {
    /// Creates an empty memory.
    pub fn new(now: Instant) -> Self {
        Self { key: RandomState::new(), younger: HashSet::new(), older: HashSet::new(), since: now }
    }

    /// Looks up an id, and remembers it.
    pub fn look_up(&mut self, id: &str, now: Instant) -> Lookup {
        let hash = self.key.hash_one(id);
        if self.younger.contains(&hash) || self.older.contains(&hash) {
            return Lookup::Known;
        }
        let age = now.saturating_duration_since(self.since);
        let is_crowded = self.younger.len() >= GENERATION;
        if is_crowded || age >= KNOWN_FOR {
            self.older = std::mem::take(&mut self.younger);
            self.since = now;
        }
        self.younger.insert(hash);
        if is_crowded && age < KNOWN_FOR { Lookup::NewAndCrowded { known_for: age } } else { Lookup::New }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_known_by_time_whatever_came_between() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        assert_eq!(seen.look_up("first", start), Lookup::New);
        for number in 0..100_000 {
            assert_eq!(seen.look_up(&number.to_string(), start), Lookup::New);
        }
        assert_eq!(seen.look_up("first", start + KNOWN_FOR), Lookup::Known);
    }

    #[test]
    fn an_id_is_known_for_its_time_after_a_pause_of_any_length() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        assert_eq!(seen.look_up("before the pause", start), Lookup::New);
        let back = start + Duration::from_hours(24);
        assert_eq!(seen.look_up("after", back), Lookup::New);
        assert_eq!(seen.look_up("before the pause", back + KNOWN_FOR.mul_f64(0.99)), Lookup::Known);
        assert_eq!(seen.look_up("later", back + KNOWN_FOR), Lookup::New);
        assert_eq!(seen.look_up("before the pause", back + KNOWN_FOR), Lookup::New, "forgotten");
    }

    #[test]
    fn the_memory_is_bounded_and_says_so_when_it_is_short() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        let mut crowded = 0;
        for number in 0..3 * GENERATION {
            let now = start + Duration::from_millis(u64::try_from(number).unwrap());
            if let Lookup::NewAndCrowded { known_for } = seen.look_up(&number.to_string(), now) {
                crowded += 1;
                assert!(known_for < KNOWN_FOR);
            }
        }
        assert_eq!(crowded, 2);
        assert!(seen.younger.len() + seen.older.len() <= 2 * GENERATION);
        assert!(seen.younger.capacity().max(seen.older.capacity()) <= 131_072);
        assert_eq!(seen.look_up(&(2 * GENERATION - 1).to_string(), start), Lookup::Known);
    }
}
