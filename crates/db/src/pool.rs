//! The connections that are kept: how long, and for whom.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadlines::database::CONNECT_DEADLINE;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Pool, RecycleError, RecycleResult, Timeouts};
use deadpool_postgres::{ClientWrapper, Transaction};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use crate::connect::Connector;
use crate::connect_error::ConnectError;
use crate::error::DbError;

/// Oldest that a connection gets: a server that was moved, or set otherwise, is left by then. Each
/// gets somewhat less, so that those that were made together do not go together.
const MAX_AGE: Duration = Duration::from_mins(15);
/// How often connections that nobody uses are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);
/// A little longer than a connection takes: normally the connection says why there is none.
const CREATE_LIMIT: Duration = CONNECT_DEADLINE.saturating_add(Duration::from_secs(1));

/// Longest time to tell the server that nobody waits for a statement any more.
const CANCEL_DEADLINE: Duration = Duration::from_secs(2);

/// A connection that is in use, or goes back when this is dropped.
pub(crate) type Pooled = managed::Object<Connections>;

/// A connection of the pool.
pub(crate) struct Connection {
    client: ClientWrapper,
    /// Ends it.
    driver: AbortHandle,
    runtime: Handle,
    is_given_up: bool,
    generation: u64,
    expires: Instant,
}

impl Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl Connection {
    /// Begins a transaction.
    pub(crate) async fn transaction(&mut self) -> Result<Transaction<'_>, tokio_postgres::Error> {
        self.client.transaction().await
    }

    /// The connection itself.
    pub(crate) fn raw(&mut self) -> &mut tokio_postgres::Client {
        &mut self.client
    }

    /// Closes it: nobody gets it any more.
    pub(crate) fn close(&mut self) {
        self.is_given_up = true;
        self.driver.abort();
    }

    /// Closes it once the server was told to end what runs on it. Else it would go on for as long
    /// as a statement may, and each client that hangs up would cost another session.
    pub(crate) fn abandon(&mut self) {
        self.is_given_up = true;
        let (cancel, driver) = (self.client.cancel_token(), self.driver.clone());
        self.runtime.spawn(async move {
            // A server that cannot be told ends the statement by its own limit.
            drop(timeout(CANCEL_DEADLINE, cancel.cancel_query(NoTls)).await);
            driver.abort();
        });
    }

    fn is_spent(&self, generation: u64, now: Instant) -> bool {
        self.is_given_up || self.client.is_closed() || self.generation != generation || now >= self.expires
    }
}

/// Makes connections, and tells which of them are still good.
pub(crate) struct Connections {
    connector: Arc<Connector>,
    /// Connections of an earlier generation are not used again.
    generation: Arc<AtomicU64>,
    max_age: Duration,
}

impl managed::Manager for Connections {
    type Type = Connection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Connection, ConnectError> {
        // Before the server is asked for it: what turns up while it is made concerns it too.
        let generation = self.generation.load(Ordering::Relaxed);
        let (client, driver) = self.connector.connect().await?;
        let age = self.max_age.mul_f64(rand::random_range(0.8..=1.0));
        Ok(Connection {
            client,
            driver,
            runtime: self.connector.runtime().clone(),
            is_given_up: false,
            generation,
            expires: Instant::now() + age,
        })
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<ConnectError> {
        if connection.is_spent(self.generation.load(Ordering::Relaxed), Instant::now()) {
            return Err(RecycleError::message("closed, too old, or of a server that is not wanted any more"));
        }
        Ok(())
    }
}

/// A service's connections: one or more for what must not wait for the others or may
/// take long, and the rest.
pub(crate) struct Pools {
    pub(crate) shared: Pool<Connections>,
    pub(crate) reserved: Pool<Connections>,
    generation: Arc<AtomicU64>,
    tidying: JoinHandle<()>,
}

impl Pools {
    /// At most `max_connections` in all, on the runtime of the caller; of these at most `reserved`,
    /// and a quarter unless that is none, are kept. Nothing is connected yet.
    pub(crate) fn new(
        connector: Connector,
        max_connections: usize,
        reserved: usize,
    ) -> Result<Self, DbError> {
        let reserved = reserved.min(max_connections / 4).max(1);
        Self::with_max_age(connector, max_connections, reserved, MAX_AGE, LOOK_INTERVAL)
    }

    fn with_max_age(
        connector: Connector,
        max_connections: usize,
        reserved: usize,
        max_age: Duration,
        look_interval: Duration,
    ) -> Result<Self, DbError> {
        let (connector, generation) = (Arc::new(connector), Arc::<AtomicU64>::default());
        let pool = |max_size: usize| {
            let connections = Connections {
                connector: Arc::clone(&connector),
                generation: Arc::clone(&generation),
                max_age,
            };
            Pool::builder(connections)
                .max_size(max_size)
                .runtime(Runtime::Tokio1)
                .timeouts(Timeouts {
                    wait: Some(CONNECT_DEADLINE),
                    create: Some(CREATE_LIMIT),
                    recycle: None,
                })
                .build()
                .map_err(DbError::unexpected)
        };
        let (shared, reserved) = (pool(max_connections.saturating_sub(reserved).max(1))?, pool(reserved)?);
        let tidying = tokio::spawn({
            let (shared, reserved, generation) = (shared.clone(), reserved.clone(), Arc::clone(&generation));
            async move {
                loop {
                    sleep(look_interval).await;
                    close_spent([&shared, &reserved], generation.load(Ordering::Relaxed));
                }
            }
        });
        Ok(Self { shared, reserved, generation, tidying })
    }

    /// Takes all connections out that were made until now: those that are free at once, the others
    /// when they become free.
    pub(crate) fn retire_all(&self) {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        close_spent([&self.shared, &self.reserved], generation);
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        self.tidying.abort();
    }
}

fn close_spent(pools: [&Pool<Connections>; 2], generation: u64) {
    let now = Instant::now();
    for pool in pools {
        drop(pool.retain(|connection, _| !connection.is_spent(generation, now)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use testkit::{Stage, eventually};

    use super::*;
    use crate::session::Access;

    async fn pools(stage: &Stage, max_age: Duration) -> Pools {
        let connector = Connector::new(&stage.database_settings(), "aging", Access::ReadWrite);
        Pools::with_max_age(connector, 3, 1, max_age, Duration::from_millis(20)).unwrap()
    }

    async fn until_sessions(stage: &Stage, count: i64) {
        let database = stage.database().await;
        let sessions = "select count(*) from pg_stat_activity
                        where datname = current_database() and application_name = 'aging'";
        eventually("sessions to end", async || (database.value(sessions).await == count).then_some(())).await;
    }

    #[tokio::test]
    async fn connections_go_when_they_are_old_used_or_not() {
        let stage = Stage::new().await;
        let pools = pools(&stage, Duration::from_millis(200)).await;
        let checkout = pools.shared.get().await.ok().unwrap();
        drop(pools.reserved.get().await.ok().unwrap());
        until_sessions(&stage, 1).await;
        let too_old = checkout.expires;
        while Instant::now() < too_old {
            sleep(Duration::from_millis(20)).await;
        }
        drop(checkout);
        until_sessions(&stage, 0).await;
        assert!(pools.shared.get().await.ok().unwrap().expires > too_old);
    }

    #[tokio::test]
    async fn connections_that_are_retired_go_at_once_or_when_they_are_free() {
        let stage = Stage::new().await;
        let pools = pools(&stage, MAX_AGE).await;
        let checkout = pools.shared.get().await.ok().unwrap();
        drop(pools.shared.get().await.ok().unwrap());
        drop(pools.reserved.get().await.ok().unwrap());
        until_sessions(&stage, 3).await;
        pools.retire_all();
        until_sessions(&stage, 1).await;
        assert!(checkout.simple_query("select 1").await.is_ok(), "what is in use ends its work");
        drop(checkout);
        let next = pools.shared.get().await.ok().unwrap();
        assert_eq!(next.generation, 1);
        assert!(next.expires > Instant::now() + MAX_AGE.mul_f64(0.7));
        until_sessions(&stage, 1).await;
    }
}
