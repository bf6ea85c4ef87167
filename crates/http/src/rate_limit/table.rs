//! A bucket of tokens for each client, in a table that never grows.
//!
//! A client has its place in one small set, by a keyed hash: nobody can aim at another one's set. A
//! newcomer takes the place of the client whose bucket is the fullest: the one that loses least by
//! being forgotten. A forgotten client begins with a full bucket, so a crowd larger than the table
//! is limited less, never more.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use logging::Bucket;

use crate::peer::Peer;

/// Sets of the table.
const SETS: usize = 1024;
/// Clients of a set. All of them, some 8,000, take less than a MiB.
const WAYS: usize = 8;
const _: () = assert!(SETS * WAYS * size_of::<Option<Entry>>() <= 1 << 20);
/// Seconds of the rate that a client may use at once, after it was quiet.
const BURST: u32 = 2;

type Set = [Option<Entry>; WAYS];

#[derive(Debug)]
struct Entry {
    peer: Peer,
    bucket: Bucket,
}

/// The buckets of all clients.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Mutex<Set>]>,
    hasher: RandomState,
    burst: u32,
    refill: Duration,
}

impl Table {
    /// `rate` tokens a second for each client, at least one.
    pub(super) fn new(rate: u32) -> Self {
        Self::with_sets(SETS, rate)
    }

    fn with_sets(sets: usize, rate: u32) -> Self {
        let rate = rate.max(1);
        Self {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            burst: rate.saturating_mul(BURST),
            refill: Duration::from_secs(1) / rate,
        }
    }

    /// Takes a token of the client.
    ///
    /// # Errors
    /// It has none: the time to the next one.
    pub(super) fn take(&self, peer: Peer, now: Instant) -> Result<(), Duration> {
        let sets = u64::try_from(self.sets.len()).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(self.hasher.hash_one(peer) % sets).unwrap_or_default();
        let Some(set) = self.sets.get(place) else { return Ok(()) };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let known = set.iter_mut().flatten().find(|entry| entry.peer == peer);
        if let Some(Entry { bucket, .. }) = known {
            return if bucket.take(now) {
                Ok(())
            } else {
                Err(bucket.next_at().saturating_duration_since(now))
            };
        }
        let mut bucket = Bucket::new(self.burst, self.refill, now);
        bucket.take(now);
        // An empty place counts as one whose bucket has been full for ever.
        let fullest = set.iter_mut().min_by_key(|entry| entry.as_ref().map(|entry| entry.bucket.full_at()));
        if let Some(place) = fullest {
            *place = Some(Entry { peer, bucket });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn peer(number: u32) -> Peer {
        Peer::of(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[test]
    fn a_client_has_a_burst_then_its_rate_and_is_told_when_to_come_back() {
        let (table, start) = (Table::new(10), Instant::now());
        assert_eq!((0..100).filter(|_| table.take(peer(1), start).is_ok()).count(), 20);
        let left = table.take(peer(1), start).unwrap_err();
        assert_eq!(left, Duration::from_millis(100));
        assert_eq!(table.take(peer(2), start), Ok(()), "another client has its own");
        assert_eq!(table.take(peer(1), start + left), Ok(()));
        assert!(table.take(peer(1), start + left).is_err());
    }

    #[test]
    fn a_crowd_does_not_make_it_grow_and_whoever_has_used_most_is_remembered() {
        let (table, start) = (Table::with_sets(1, 10), Instant::now());
        while table.take(peer(0), start).is_ok() {}
        for number in 1..10_000 {
            assert_eq!(table.take(peer(number), start), Ok(()));
        }
        assert!(table.take(peer(0), start).is_err(), "newcomers took the places of fuller buckets");
    }

    proptest! {
        /// As many clients as there are places: each gets what its rate allows, whatever others do.
        #[test]
        fn nobody_gets_more_than_the_rate_and_who_keeps_to_it_gets_all(
            rate in 1..50_u32,
            asked in prop::collection::vec((0..4_u32, 0..400_u64), 1..400),
        ) {
            let (table, start) = (Table::with_sets(1, rate), Instant::now());
            let mut now = start;
            let mut given: HashMap<u32, u32> = HashMap::new();
            for (number, milliseconds) in asked {
                now += Duration::from_millis(milliseconds);
                let taken = table.take(peer(number), now);
                let count = given.entry(number).or_default();
                *count += u32::from(taken.is_ok());
                // Of the rate times the whole time, rounded up, and the burst.
                let passed = u32::try_from((now - start).as_millis()).unwrap();
                let most = rate * BURST + (rate * passed).div_ceil(1_000) + 1;
                prop_assert!(*count <= most, "{count} of {most}");
                if let Err(left) = taken {
                    prop_assert!(!left.is_zero() && left <= Duration::from_secs(1));
                }
            }
            // After two quiet seconds the whole burst is there.
            now += Duration::from_secs(u64::from(BURST) + 1);
            prop_assert!((0..rate * BURST).all(|_| table.take(peer(0), now).is_ok()));
        }
    }
}
