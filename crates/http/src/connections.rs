//! All open connections of a server: admission, eviction, and the sweep that enforces the
//! deadlines.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logging::{Log, action};
use tokio::time::sleep;

use crate::clock::{Clock, TICK};
use crate::connection::Connection;
use crate::ending::Ending;
use crate::limits::Limits;
use crate::open_connections::OpenConnections;
use crate::peer::Peer;
use crate::pool::Pool;
use crate::stream_slots::StreamSlots;

/// Ticks between two log lines about connections that were closed under pressure.
const REPORT_INTERVAL: u32 = 40;

/// The connections of one server.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Limits,
    pub(crate) pool: Pool,
    pub(crate) slots: StreamSlots,
    clock: Arc<Clock>,
    open: Mutex<OpenConnections>,
    evicted: AtomicU64,
    refused: AtomicU64,
}

/// Permission to be one of the open connections. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Permit {
    connections: Arc<Connections>,
    id: u64,
    pub(crate) connection: Arc<Connection>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            pool: Pool::new(limits.pool),
            slots: StreamSlots::new(limits.connections, limits.per_address),
            clock: Arc::default(),
            open: Mutex::default(),
            evicted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a new connection. If all permits (of its address, or of the server) are taken, the
    /// connection that was quiet for longest is evicted. `None` if every connection is processing a
    /// request.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let peer = Peer::of(address);
        let mut open = self.lock();
        let is_full = if open.len_of(peer) >= self.limits.per_address {
            Some(Some(peer))
        } else {
            (open.len() >= self.limits.connections).then_some(None)
        };
        if let Some(among) = is_full {
            let victim = open.quietest(among, self.clock.now()).and_then(|id| open.remove(id));
            let Some(victim) = victim else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            victim.end(Ending::Evicted);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        let connection = Arc::new(Connection::new(peer, Arc::clone(&self.clock)));
        let id = open.insert(Arc::clone(&connection));
        drop(open);
        Some(Permit { connections: Arc::clone(self), id, connection })
    }

    /// Enforces the deadlines of all connections while it is polled.
    pub(crate) async fn sweep(&self, log: &Log) -> Infallible {
        let mut since_report = 0;
        loop {
            // One tick each round, however late it comes: see `Clock`.
            sleep(TICK).await;
            self.clock.tick();
            for connection in self.lock().iter() {
                connection.check();
            }
            since_report += 1;
            if since_report == REPORT_INTERVAL {
                since_report = 0;
                self.report(log);
                log.report_suppressed();
            }
        }
    }

    fn report(&self, log: &Log) {
        let evicted = self.evicted.swap(0, Ordering::Relaxed);
        let refused = self.refused.swap(0, Ordering::Relaxed);
        if evicted + refused > 0 {
            let message = format!(
                "Idle connections closed in favour of new ones: {evicted}; new ones refused: {refused}"
            );
            log.info(action::CONNECTIONS_EVICTED, message)
                .detail("evicted", evicted)
                .detail("refused", refused)
                .detail("open", self.lock().len())
                .emit();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn connections(connections: usize, per_address: usize) -> Arc<Connections> {
        Arc::new(Connections::new(Limits { connections, per_address, pool: 0 }))
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn when_all_places_are_taken_the_one_that_is_idle_for_longest_goes() {
        let all = connections(3, 3);
        let permits: Vec<Permit> = (1..=3)
            .map(|last| {
                all.clock.tick();
                all.admit(address(last)).unwrap()
            })
            .collect();
        // The first connection has a request in progress, the second has just been answered.
        all.clock.tick();
        let busy = &permits[0].connection;
        busy.begins(0);
        let answered = &permits[1].connection;
        answered.begins(0);
        answered.answers();
        answered.flushed();
        let newcomer = all.admit(address(4)).unwrap();
        let endings: Vec<_> = permits.iter().map(|permit| permit.connection.ending()).collect();
        assert_eq!(endings, [None, None, Some(Ending::Evicted)]);
        drop(permits);
        assert_eq!(all.lock().len(), 1, "whoever was evicted does not count twice");
        drop(newcomer);
        assert!(all.lock().len() == 0 && all.lock().len_of(Peer::of(address(4))) == 0);
    }

    #[test]
    fn who_was_answered_after_long_work_does_not_go_before_idle_ones() {
        let all = connections(2, 2);
        let [answered, idle] = [1, 2].map(|last| all.admit(address(last)).unwrap());
        answered.connection.begins(1);
        answered.connection.has_body();
        all.clock.tick();
        idle.connection.begins(0);
        idle.connection.answers();
        idle.connection.flushed();
        all.clock.tick();
        answered.connection.answers();
        let _newcomer = all.admit(address(3)).unwrap();
        let endings = [&answered, &idle].map(|permit| permit.connection.ending());
        assert_eq!(endings, [None, Some(Ending::Evicted)]);
    }

    #[test]
    fn an_address_that_has_all_its_places_takes_none_from_others() {
        let all = connections(4, 2);
        let other = all.admit(address(1)).unwrap();
        all.clock.tick();
        let first = all.admit(address(2)).unwrap();
        all.clock.tick();
        let second = all.admit(address(2)).unwrap();
        let third = all.admit(address(2)).unwrap();
        let endings = [&other, &first, &second, &third].map(|permit| permit.connection.ending());
        assert_eq!(endings, [None, Some(Ending::Evicted), None, None]);
    }

    #[test]
    fn requests_in_work_are_not_given_up_for_a_newcomer() {
        let all = connections(2, 2);
        let permits = [1, 2].map(|last| all.admit(address(last)).unwrap());
        for permit in &permits {
            permit.connection.begins(0);
        }
        assert!(all.admit(address(3)).is_none());
        assert!(permits.iter().all(|permit| permit.connection.ending().is_none()));
    }
}
