//! The open connections, in the order in which they would be evicted.
//!
//! Admitting a connection to a full server must not scan all connections, or fast clients could
//! cause much work cheaply. So the connections are sorted by their last known progress. Progress is
//! recorded without re-sorting, and it only moves a connection back. An eviction takes the first
//! entry, and re-sorts it if it has progressed since. The first entry that has not progressed is
//! the quietest of all.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::connection::Connection;
use crate::peer::Peer;
use crate::phase::Phase;

/// The tick of the last progress, and the connection's id, which separates equal ticks by age.
type Rank = (u32, u64);

#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    next: u64,
    by_id: HashMap<u64, Entry>,
    all: BTreeSet<Rank>,
    of_peer: HashMap<Peer, BTreeSet<Rank>>,
    #[cfg(test)]
    looks: u64,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    /// The tick under which the entry is sorted: its last progress, or an earlier one.
    known: u32,
}

impl OpenConnections {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn len_of(&self, peer: Peer) -> usize {
        self.of_peer.get(&peer).map_or(0, BTreeSet::len)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.by_id.values().map(|entry| &*entry.connection)
    }

    pub(crate) fn insert(&mut self, connection: Arc<Connection>) -> u64 {
        let id = self.next;
        self.next += 1;
        let known = connection.last_progress();
        self.all.insert((known, id));
        self.of_peer.entry(connection.peer).or_default().insert((known, id));
        self.by_id.insert(id, Entry { connection, known });
        id
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let Entry { connection, known } = self.by_id.remove(&id)?;
        self.all.remove(&(known, id));
        if let Some(ranks) = self.of_peer.get_mut(&connection.peer) {
            ranks.remove(&(known, id));
            if ranks.is_empty() {
                self.of_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    /// The connection (of a peer, or of all) that has made no progress for longest. A request in
    /// progress and a stream are never evicted.
    pub(crate) fn quietest(&mut self, peer: Option<Peer>, now: u32) -> Option<u64> {
        let mut from = Bound::Unbounded;
        loop {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            let ranks = match peer {
                Some(peer) => self.of_peer.get(&peer)?,
                None => &self.all,
            };
            let (known, id) = *ranks.range((from, Bound::Unbounded)).next()?;
            let connection = &self.by_id.get(&id)?.connection;
            // The end of the request or stream will be progress, and that is not before now.
            let works = matches!(connection.phase(), Phase::Work | Phase::Stream);
            let actual = if works { now } else { connection.last_progress() };
            if actual > known {
                self.stepped_forward(id, actual);
            } else if works {
                from = Bound::Excluded((known, id));
            } else {
                return Some(id);
            }
        }
    }

    fn stepped_forward(&mut self, id: u64, tick: u32) {
        let Some(Entry { connection, known }) = self.by_id.get_mut(&id) else { return };
        let before = (std::mem::replace(known, tick), id);
        for ranks in [Some(&mut self.all), self.of_peer.get_mut(&connection.peer)].into_iter().flatten() {
            ranks.remove(&before);
            ranks.insert((tick, id));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    fn peer(last: u8) -> Peer {
        Peer::of([192, 0, 2, last].into())
    }

    #[derive(Clone, Debug)]
    enum Act {
        Tick,
        Come(u8),
        Go(prop::sample::Index),
        Step(prop::sample::Index, fn(&Connection)),
        Ask(Option<u8>),
    }

    /// Begins the next request, after the response to the previous one.
    fn begins(connection: &Connection, body: usize) {
        if connection.phase() != Phase::Work {
            connection.begins(body);
        }
    }

    const STEPS: [fn(&Connection); 8] = [
        |connection| connection.received(1),
        |connection| begins(connection, 0),
        |connection| begins(connection, 1),
        Connection::has_body,
        |connection| {
            connection.answers();
        },
        Connection::flushed,
        |connection| {
            connection.will_stream();
            connection.answers();
        },
        Connection::stream_ends,
    ];

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let some = any::<prop::sample::Index>;
        let act = prop_oneof![
            Just(Act::Tick),
            (0..3_u8).prop_map(Act::Come),
            some().prop_map(Act::Go),
            (some(), prop::sample::select(&STEPS[..])).prop_map(|(which, step)| Act::Step(which, step)),
            prop::option::of(0..3_u8).prop_map(Act::Ask),
        ];
        prop::collection::vec(act, 0..200)
    }

    /// The expected result, by scanning all connections.
    fn by_definition(open: &OpenConnections, peer: Option<Peer>) -> Option<u64> {
        let candidates = open.by_id.iter().filter(|(_, entry)| {
            let connection = &entry.connection;
            let may_go = !matches!(connection.phase(), Phase::Work | Phase::Stream);
            peer.is_none_or(|peer| connection.peer == peer) && may_go
        });
        candidates.min_by_key(|(id, entry)| (entry.connection.last_progress(), **id)).map(|(id, _)| *id)
    }

    proptest! {
        #[test]
        fn the_quietest_is_the_one_that_made_no_step_forward_for_longest(acts in acts()) {
            let clock = Arc::<Clock>::default();
            let mut open = OpenConnections::default();
            let mut ids = Vec::new();
            for act in acts {
                match act {
                    Act::Tick => clock.tick(),
                    Act::Come(last) => {
                        ids.push(open.insert(Arc::new(Connection::new(peer(last), Arc::clone(&clock)))));
                    }
                    Act::Go(which) if !ids.is_empty() => {
                        let id = ids.swap_remove(which.index(ids.len()));
                        prop_assert!(open.remove(id).is_some());
                    }
                    Act::Step(which, step) if !ids.is_empty() => {
                        step(&open.by_id.get(which.get(&ids)).unwrap().connection);
                    }
                    Act::Go(_) | Act::Step(..) => {}
                    Act::Ask(last) => {
                        let peer = last.map(peer);
                        let expected = by_definition(&open, peer);
                        prop_assert_eq!(open.quietest(peer, clock.now()), expected);
                    }
                }
                prop_assert_eq!((open.all.len(), open.len()), (ids.len(), ids.len()));
                prop_assert_eq!((0..3).map(|last| open.len_of(peer(last))).sum::<usize>(), ids.len());
            }
        }
    }

    #[test]
    fn who_has_moved_is_looked_at_once_a_tick() {
        const MANY: u64 = 10_000;
        let clock = Arc::<Clock>::default();
        let mut open = OpenConnections::default();
        for _ in 0..MANY {
            open.insert(Arc::new(Connection::new(peer(1), Arc::clone(&clock))));
        }
        clock.tick();
        for connection in open.iter() {
            connection.begins(0);
            connection.answers();
            connection.flushed();
        }
        clock.tick();
        for expected in 0..MANY {
            let quietest = open.quietest(None, clock.now()).unwrap();
            assert_eq!(quietest, expected);
            open.remove(quietest);
            open.insert(Arc::new(Connection::new(peer(1), Arc::clone(&clock))));
        }
        assert!(open.looks <= 2 * MANY, "{} looks for {MANY} newcomers", open.looks);
    }
}
