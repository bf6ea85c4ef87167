//! Runs statements, each under its limits.

mod admission;
mod ask;
mod one_moment;
mod two_steps;

use std::ops::AsyncFnMut;
use std::sync::Arc;
use std::time::Duration;

use deadlines::database::{CONNECT_DEADLINE, STATEMENT_DEADLINE};
use deadpool_postgres::Transaction;
use telemetry::labels::{Pool as Label, To};
use telemetry::metrics::{POOL_WAIT, RECONNECTS};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use crate::breaker::Breaker;
use crate::checkout::Checkout;
use crate::connect::Connector;
use crate::connect_error::UnsuitableServer;
use crate::error::{Classification, ConnectionFate, Retry, is_lost_statement};
use crate::log_position::NotedPositions;
use crate::pool::{Connection, Pools};
use crate::session::Access;

pub(crate) use self::two_steps::{BEGIN, Decision, Reading};
pub use crate::error::DbError;

/// A handle to PostgreSQL; cheap to clone. Connections open on demand, and again after they broke.
#[derive(Clone)]
pub struct Database {
    pools: Arc<Pools>,
    /// Host and port, for messages.
    address: Arc<str>,
    /// Whether a statement did not find its table, or a check found tables missing.
    tables_missing: Arc<watch::Sender<bool>>,
    /// What a replica must have reached: each answer of a statement is proved by it.
    noted: Option<Arc<NotedPositions>>,
    /// `None`: nothing that comes from outside waits for it.
    breaker: Option<Arc<Breaker>>,
    /// Whether a request from outside waits for the statements of this handle.
    serves_requests: bool,
}

/// The most connections for what the staff sees. Its pages share their reads, so two are enough,
/// and one more lets a look at one order pass a list.
pub const STAFF_CONNECTIONS: usize = 3;

/// Which pool a statement takes its connection from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PoolChoice {
    /// The shared connections.
    Shared,
    /// The reserved ones: for heartbeats and for the reader of the log, which must not wait, and
    /// for relays, which keep a connection for long.
    Reserved,
}

impl Database {
    /// For one service, on the caller's runtime. Connects nothing yet.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn new(settings: &config::Database, service: &str, access: Access) -> Result<Self, DbError> {
        Self::with_reserved(settings, service, access, 1)
    }

    /// As [`Database::new`], for a service with up to `reserved` concurrent long tasks. It reserves
    /// as many connections for them, but at most a quarter of all.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn with_reserved(
        settings: &config::Database,
        service: &str,
        access: Access,
        reserved: usize,
    ) -> Result<Self, DbError> {
        let connector = Connector::new(settings, service, access);
        let pools = Pools::new(connector, settings.max_connections, reserved)?;
        Ok(Self::of(settings, pools))
    }

    /// For a program that only reads: on the primary, or on a standby if only that can be reached.
    /// Then what it reads may be a little old.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub async fn for_reading(settings: &config::Database, program: &str) -> Result<Self, DbError> {
        let primary = Self::new(settings, program, Access::ReadPrimary)?;
        match primary.ping().await {
            Err(DbError::UnsuitableServer { why: UnsuitableServer::Standby, .. }) => {
                Self::new(settings, program, Access::ReadOnly)
            }
            // If it cannot be reached, the next statement says so.
            _ => Ok(primary),
        }
    }

    /// For what the staff sees, under the role of `database.staff_user`: [`STAFF_CONNECTIONS`] at
    /// most, for reading. Connects nothing yet.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn for_staff(settings: &config::Database, service: &str) -> Result<Self, DbError> {
        let (user, password) = (settings.staff_user.clone(), settings.staff_password.clone());
        let settings = &config::Database { user, password, ..settings.clone() };
        let connector = Connector::new(settings, service, Access::ReadPrimary);
        Ok(Self::of(settings, Pools::for_staff(connector, STAFF_CONNECTIONS)?))
    }

    /// A standby of the server that a service writes to, or reads from. [`Database::query`] fails
    /// there unless the server that answers is close behind. It asks each time: a name may lead to
    /// several standbys, to another one with each connection.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub(crate) fn of_replica(
        settings: &config::Database,
        service: &str,
        noted: Arc<NotedPositions>,
    ) -> Result<Self, DbError> {
        let connector = Connector::new(settings, service, Access::ReadOnly);
        let db = Self::of(settings, Pools::of_replica(connector, settings.max_connections)?);
        Ok(Self { noted: Some(noted), ..db })
    }

    /// The same, without any proof.
    pub(crate) fn unproved(&self) -> Self {
        Self { noted: None, ..self.clone() }
    }

    fn of(settings: &config::Database, pools: Pools) -> Self {
        Self {
            pools: Arc::new(pools),
            address: config::addresses(&settings.host, settings.port).into(),
            tables_missing: Arc::default(),
            noted: None,
            breaker: None,
            serves_requests: false,
        }
    }

    /// The number of reserved connections, and so of concurrent relays.
    pub fn reserved_connections(&self) -> usize {
        self.pools.reserved.status().max_size
    }

    /// Checks that the server answers.
    ///
    /// # Errors
    /// It did not answer in time.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.query("select 1", &[]).await.map(drop)
    }

    /// Checks that the server accepts writes.
    ///
    /// # Errors
    /// It does not, or did not answer in time.
    pub async fn takes_writes(&self) -> Result<(), DbError> {
        let sql = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'";
        let row = self.query_opt(sql, &[]).await?;
        if row.map(|row| row.try_get(0)).transpose()? == Some(false) {
            return Ok(());
        }
        self.pools.retire_all();
        Err(self.unsuitable(UnsuitableServer::ReadOnly))
    }

    /// Waits until tables are missing: the database was emptied or recreated under a running
    /// service.
    pub async fn tables_lost(&self) {
        // This handle owns the sender, so there is no error.
        let _ = self.tables_missing.subscribe().wait_for(|missing| *missing).await;
    }

    /// Whether tables were missing at the last statement or check that noticed.
    pub fn lacks_tables(&self) -> bool {
        *self.tables_missing.borrow()
    }

    /// Records the result of a check for the tables.
    pub(crate) fn note_tables(&self, missing: bool) {
        self.tables_missing.send_replace(missing);
    }

    /// Takes a shared connection out of the pool.
    pub(crate) async fn client(&self) -> Result<Checkout, DbError> {
        self.client_of(PoolChoice::Shared).await
    }

    async fn client_of(&self, choice: PoolChoice) -> Result<Checkout, DbError> {
        let (pool, label) = match choice {
            PoolChoice::Shared => (&self.pools.shared, self.pools.label),
            PoolChoice::Reserved => (&self.pools.reserved, Label::Reserved),
        };
        let asked = Instant::now();
        let pooled = pool.get().await;
        POOL_WAIT.of(label).observe_time(asked.elapsed());
        pooled.map(Checkout::new).map_err(|why| DbError::of_pool(why, &self.address, CONNECT_DEADLINE))
    }

    /// Runs one statement under the deadline. It is prepared once per connection.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        self.query_on(PoolChoice::Shared, sql, parameters).await
    }

    /// As [`Database::query`], on a connection of this pool.
    pub(crate) async fn query_on(
        &self,
        choice: PoolChoice,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        let begun = self.begin(choice);
        let ended = async {
            let client = self.client_of(choice).await?;
            let asking = async {
                match &self.noted {
                    None => ask::ask(&client, sql, parameters).await.map(Some),
                    // In a place of its own: every statement would be as large otherwise.
                    Some(noted) => Box::pin(ask::ask_proved(&client, sql, parameters, noted)).await,
                }
            };
            let Ok(answer) = timeout(STATEMENT_DEADLINE, asking).await else {
                client.discard();
                return Err(DbError::Timeout(STATEMENT_DEADLINE));
            };
            let rows = self.answered(client, answer.map_err(DbError::from))?;
            rows.ok_or_else(|| self.unsuitable(UnsuitableServer::Behind))
        };
        begun.ended(ended.await)
    }

    /// Like [`Database::query`], for statements that return at most one row.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Runs statements in one transaction under the deadline. If a prepared statement is stale
    /// because its table was altered, everything was rolled back, and `work` runs once more from
    /// the start.
    pub(crate) async fn transaction<T>(
        &self,
        choice: PoolChoice,
        deadline: Duration,
        mut work: impl AsyncFnMut(&Transaction<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let begun = self.begin(choice);
        let ended = async {
            let mut client = self.client_of(choice).await?;
            let Ok(done) = timeout(deadline, transact(&mut client, &mut work)).await else {
                client.discard();
                return Err(DbError::Timeout(deadline));
            };
            self.answered(client, done)
        };
        begun.ended(ended.await)
    }

    /// Decides what happens to the connection after an answer.
    fn answered<T>(&self, client: Checkout, answer: Result<T, DbError>) -> Result<T, DbError> {
        let fate = match &answer {
            Err(DbError::Failed(failure)) if is_lost_statement(failure) => {
                client.discard();
                return Err(self.unsuitable(UnsuitableServer::StatementsLost));
            }
            Err(DbError::Failed(failure)) => {
                if failure.code() == Some(&SqlState::UNDEFINED_TABLE) {
                    self.note_tables(true);
                }
                Classification::of(failure).connection
            }
            _ => ConnectionFate::Stays,
        };
        if fate != ConnectionFate::Stays {
            RECONNECTS.of(To::Postgresql).inc();
        }
        match fate {
            ConnectionFate::Stays => client.release(),
            ConnectionFate::Goes => client.discard(),
            ConnectionFate::AllGo => {
                client.discard();
                self.pools.retire_all();
            }
        }
        answer
    }

    fn unsuitable(&self, why: UnsuitableServer) -> DbError {
        DbError::UnsuitableServer { address: Arc::clone(&self.address), why }
    }
}

async fn transact<T>(
    client: &mut Connection,
    work: &mut impl AsyncFnMut(&Transaction<'_>) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let retry = |why: &DbError| match why {
        DbError::Failed(why) => Some(Classification::of(why).retry),
        _ => None,
    };
    let is_stale = |why: &DbError| retry(why) == Some(Retry::PreparedAnew);
    let mut is_repeated = false;
    loop {
        let transaction = client.transaction().await?;
        match work(&transaction).await {
            Ok(done) => {
                transaction.commit().await?;
                return Ok(done);
            }
            Err(why) if !is_repeated && is_stale(&why) => {
                transaction.rollback().await?;
                client.statement_cache.clear();
                is_repeated = true;
            }
            Err(why) => {
                // Await the rollback here. Otherwise the next user of the connection would wait for
                // it.
                drop(transaction.rollback().await);
                return Err(why);
            }
        }
    }
}
