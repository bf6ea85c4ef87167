//! The pooled connections: their lifetime, and their reservation.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadlines::database::CONNECT_DEADLINE;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Pool, RecycleError, RecycleResult, Timeouts};
use deadpool_postgres::{ClientWrapper, Transaction};
use telemetry::labels::{Pool as Label, To};
use telemetry::metrics::{POOL_IDLE, POOL_SIZE, POOL_WAITING, RECONNECTS};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, timeout};

use crate::connect::{Connected, Connector};
use crate::connect_error::ConnectError;
use crate::error::DbError;
use crate::transport::Transport;

/// The longest lifetime of a connection. After it, a moved or reconfigured server is no longer
/// used. Each connection gets a slightly shorter one, so that connections of one moment do not all
/// end at once.
const MAX_AGE: Duration = Duration::from_mins(15);
/// How often idle connections are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// A little longer than connecting takes: normally the connection attempt reports its own error.
const CREATE_LIMIT: Duration = CONNECT_DEADLINE.saturating_add(Duration::from_secs(1));

/// The deadline of a cancel request to the server.
const CANCEL_DEADLINE: Duration = Duration::from_secs(2);

/// A connection that is in use. Dropping it returns it to the pool.
pub(crate) type Pooled = managed::Object<Connections>;

/// A connection of the pool.
pub(crate) struct Connection {
    client: ClientWrapper,
    /// Ends it.
    driver: AbortHandle,
    transport: Transport,
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

    /// Closes it: it is not used again.
    pub(crate) fn close(&mut self) {
        self.is_given_up = true;
        self.driver.abort();
    }

    /// Closes it after telling the server to cancel its statement. Otherwise the statement would
    /// run up to its limit, and each client that hangs up would cost another session.
    pub(crate) fn abandon(&mut self) {
        self.is_given_up = true;
        let (cancel, driver) = (self.client.cancel_token(), self.driver.clone());
        let transport = self.transport.clone();
        self.runtime.spawn(async move {
            // If the request fails, the statement ends by its own limit.
            drop(timeout(CANCEL_DEADLINE, transport.cancel(&cancel)).await);
            driver.abort();
        });
    }

    fn is_spent(&self, generation: u64, now: Instant) -> bool {
        self.is_given_up || self.client.is_closed() || self.generation != generation || now >= self.expires
    }
}

/// Opens connections, and decides which ones are still usable.
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
        // Read it before connecting: what is found out meanwhile concerns the new connection too.
        let generation = self.generation.load(Ordering::Relaxed);
        let connected = self.connector.connect().await;
        if connected.is_err() {
            RECONNECTS.of(To::Postgresql).inc();
        }
        let Connected { client, end, transport } = connected?;
        let age = self.max_age.mul_f64(rand::random_range(0.8..=1.0));
        Ok(Connection {
            client,
            driver: end,
            transport,
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

/// A service's connections: reserved ones for tasks that are urgent or long, and shared ones.
pub(crate) struct Pools {
    pub(crate) shared: Pool<Connections>,
    pub(crate) reserved: Pool<Connections>,
    /// What the shared ones are called when they are measured.
    pub(crate) label: Label,
    generation: Arc<AtomicU64>,
    tidying: JoinHandle<()>,
}

impl Pools {
    /// At most `max_connections`, on the caller's runtime. At most `reserved` of them are reserved,
    /// and at most a quarter, but at least one. Connects nothing yet.
    pub(crate) fn new(
        connector: Connector,
        max_connections: usize,
        reserved: usize,
    ) -> Result<Self, DbError> {
        let reserved = reserved.min(max_connections / 4).max(1);
        let sizes = [max_connections.saturating_sub(reserved).max(1), reserved];
        let pools = Self::with_max_age(connector, sizes, Label::Shared, MAX_AGE, CHECK_INTERVAL)?;
        measure(&pools.reserved, Label::Reserved);
        Ok(pools)
    }

    /// As [`Pools::new`], to a replica, of which nothing is reserved.
    pub(crate) fn of_replica(connector: Connector, max_connections: usize) -> Result<Self, DbError> {
        Self::with_max_age(connector, [max_connections, 1], Label::Replica, MAX_AGE, CHECK_INTERVAL)
    }

    /// At most `max_connections` for the staff, beside the pools of the service. None of them is
    /// reserved.
    pub(crate) fn for_staff(connector: Connector, max_connections: usize) -> Result<Self, DbError> {
        Self::with_max_age(connector, [max_connections, 1], Label::Staff, MAX_AGE, CHECK_INTERVAL)
    }

    fn with_max_age(
        connector: Connector,
        sizes: [usize; 2],
        label: Label,
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
        let [shared, reserved] = sizes;
        let (shared, reserved) = (pool(shared)?, pool(reserved)?);
        measure(&shared, label);
        let tidying = tokio::spawn({
            let (shared, reserved, generation) = (shared.clone(), reserved.clone(), Arc::clone(&generation));
            async move {
                loop {
                    sleep(look_interval).await;
                    close_spent([&shared, &reserved], generation.load(Ordering::Relaxed));
                }
            }
        });
        Ok(Self { shared, reserved, label, generation, tidying })
    }

    /// Retires all existing connections: idle ones at once, the others when they become free.
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

/// Measures the pool at each scrape, for as long as it is there.
fn measure(pool: &Pool<Connections>, label: Label) {
    let pool = pool.weak();
    telemetry::before_each_scrape(move || {
        let Some(pool) = pool.upgrade() else { return false };
        let status = pool.status();
        let figures = [
            (POOL_SIZE.of(label), status.size),
            (POOL_IDLE.of(label), status.available),
            (POOL_WAITING.of(label), status.waiting),
        ];
        for (gauge, figure) in figures {
            gauge.set(i64::try_from(figure).unwrap_or(i64::MAX));
        }
        true
    });
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
        Pools::with_max_age(connector, [2, 1], Label::Shared, max_age, Duration::from_millis(20)).unwrap()
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
