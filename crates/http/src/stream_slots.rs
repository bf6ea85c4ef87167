//! Places for event streams. A stream keeps its connection for as long as its client wants, and is
//! never evicted. So streams may not take all connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telemetry::metrics::STREAMS;

use crate::peer::Peer;

/// The streams of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StreamSlots(Arc<Slots>);

#[derive(Debug)]
struct Slots {
    limit: usize,
    per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of_peer: HashMap<Peer, usize>,
}

/// The place of one stream. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    slots: Arc<Slots>,
    peer: Peer,
}

impl StreamSlots {
    /// Three quarters of the connections, of all and of one address, may be streams.
    pub(crate) fn new(connections: usize, per_address: usize) -> Self {
        let part = |connections: usize| (connections / 4 * 3).max(1);
        let (limit, per_address) = (part(connections), part(per_address));
        Self(Arc::new(Slots { limit, per_address, open: Mutex::default() }))
    }

    /// A place for one more stream of this peer. `None` if all are taken.
    pub(crate) fn take(&self, peer: Peer) -> Option<StreamSlot> {
        let mut open = self.0.lock();
        let of_peer = open.of_peer.get(&peer).copied().unwrap_or_default();
        if open.all >= self.0.limit || of_peer >= self.0.per_address {
            return None;
        }
        open.all += 1;
        STREAMS.inc();
        open.of_peer.insert(peer, of_peer + 1);
        Some(StreamSlot { slots: Arc::clone(&self.0), peer })
    }
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        open.all -= 1;
        STREAMS.dec();
        if let Some(of_peer) = open.of_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                open.of_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([192, 0, 2, last].into())
    }

    #[test]
    fn a_quarter_of_the_connections_is_no_stream_and_places_come_back() {
        let slots = StreamSlots::new(16, 8);
        let of_one: Vec<_> = (0..6).map(|_| slots.take(peer(1)).unwrap()).collect();
        assert!(slots.take(peer(1)).is_none());
        let of_another: Vec<_> = (0..6).map(|_| slots.take(peer(2)).unwrap()).collect();
        assert!(slots.take(peer(3)).is_none());
        drop(of_one);
        assert!(slots.take(peer(2)).is_none());
        assert!(slots.take(peer(1)).is_some());
        drop(of_another);
        assert!(slots.0.lock().all == 0 && slots.0.lock().of_peer.is_empty());
    }
}
