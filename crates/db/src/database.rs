//! The pool of connections, and the limits that every statement runs under.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use runtime::config;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use crate::connect::OnRuntime;

/// Longest time to open a connection, and to wait for a free one.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time that a statement may take, seen from here. The server's own limit is a little shorter, so that it is
/// normally the server that ends a statement, and this deadline means a server that does not answer at all.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(12);

/// Settings of every session. The isolation is the one that the statements are written for, whatever the operator's
/// default; a commit is answered when it is durable. Statements find their rows by an index: a plan that was made while a
/// table was empty must not read all of it when it is full. A statement is planned once for each connection: planning the
/// one that stores an order takes as long as carrying it out.
const SESSION_SETTINGS: &str = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=30s \
     -c default_transaction_isolation=read\\ committed -c synchronous_commit=on -c enable_seqscan=off -c jit=off \
     -c plan_cache_mode=force_generic_plan";

/// A handle to PostgreSQL; cheap to clone. Connections are made when they are needed, and made anew when they broke.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    /// Host and port, for messages.
    address: Arc<str>,
}

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection to be had: the server is away, or all connections are in use.
    #[error("PostgreSQL at {address} cannot be reached")]
    Unreachable {
        /// Host and port.
        address: Arc<str>,
        /// What the connection says.
        #[source]
        why: PoolError,
    },
    /// The server answers and does not let us in: a wrong password, an unknown database, too many clients.
    #[error("PostgreSQL at {address} refuses the connection: {reason}")]
    Refused {
        /// Host and port.
        address: Arc<str>,
        /// The server's reason.
        reason: String,
    },
    /// The server took longer than the deadline; the connection has been given up.
    #[error("PostgreSQL did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server, or the connection to it, reported an error.
    #[error("PostgreSQL reported an error")]
    Failed(#[from] tokio_postgres::Error),
    /// A row holds what this program does not understand.
    #[error("PostgreSQL returned an unexpected value")]
    UnexpectedValue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    pub(crate) fn unexpected(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::UnexpectedValue(why.into())
    }

    /// Whether a statement took longer than it may.
    pub fn is_statement_timeout(&self) -> bool {
        match self {
            Self::Failed(why) => why.code() == Some(&SqlState::QUERY_CANCELED),
            Self::Timeout(_) => true,
            Self::Unreachable { .. } | Self::Refused { .. } | Self::UnexpectedValue(_) => false,
        }
    }

    /// Whether the server itself refused the statement: trying again changes nothing.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Failed(why) => !is_passing(why),
            Self::UnexpectedValue(_) => true,
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Timeout(_) => false,
        }
    }

    /// Whether the statement may have been carried out, or be carried out yet: its answer was lost.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::Failed(why) => !is_certain(why),
            Self::Timeout(_) | Self::UnexpectedValue(_) => true,
            Self::Unreachable { .. } | Self::Refused { .. } => false,
        }
    }

    /// Whether a row of this table with the same key is there already.
    pub(crate) fn is_duplicate_in(&self, table: &str) -> bool {
        let Self::Failed(why) = self else { return false };
        why.as_db_error().is_some_and(|refusal| {
            *refusal.code() == SqlState::UNIQUE_VIOLATION && refusal.table() == Some(table)
        })
    }
}

/// Whether the server said that nothing of it happened. A fatal error may come after the commit.
fn is_certain(why: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::Severity;
    why.as_db_error().is_some_and(|refusal| refusal.parsed_severity() == Some(Severity::Error))
}

/// Whether the same statement may succeed later: the connection broke, or the server was only unable at the moment.
pub(crate) fn is_passing(why: &tokio_postgres::Error) -> bool {
    let passing = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::QUERY_CANCELED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::DISK_FULL,
        SqlState::OUT_OF_MEMORY,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    why.code().is_none_or(|code| passing.contains(code))
}

impl Database {
    /// A pool for one service, on the runtime of the caller. Nothing is connected yet.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn new(settings: &config::Database, service: &str) -> Result<Self, DbError> {
        let manager = Manager::from_connect(
            connection_settings(settings, service),
            OnRuntime(Handle::current()),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.max_connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(CONNECT_DEADLINE),
                create: Some(CONNECT_DEADLINE),
                recycle: Some(CONNECT_DEADLINE),
            })
            .build()
            .map_err(DbError::unexpected)?;
        Ok(Self { pool, address: format!("{}:{}", settings.host, settings.port).into() })
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// It gave none in time.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.query("select 1", &[]).await.map(drop)
    }

    /// A connection of one's own from the pool.
    pub(crate) async fn client(&self) -> Result<Object, DbError> {
        self.pool.get().await.map_err(|why| match &why {
            PoolError::Backend(error) if let Some(refusal) = error.as_db_error() => {
                let (address, reason) = (Arc::clone(&self.address), refusal.message().to_owned());
                DbError::Refused { address, reason }
            }
            _ => DbError::Unreachable { address: Arc::clone(&self.address), why },
        })
    }

    /// Runs one statement, prepared once for each connection, under the deadline.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        let client = self.client().await?;
        let answer = timeout(STATEMENT_DEADLINE, async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, parameters).await
        })
        .await;
        let Ok(rows) = answer else {
            give_up(client);
            return Err(DbError::Timeout(STATEMENT_DEADLINE));
        };
        Ok(rows?)
    }

    /// Like [`Database::query`], for statements that return one row or none.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }
}

/// Closes a connection whose answer did not come in time: it may still come, and would meet the next question.
pub(crate) fn give_up(client: Object) {
    drop(Object::take(client));
}

fn connection_settings(settings: &config::Database, service: &str) -> tokio_postgres::Config {
    let mut connection = tokio_postgres::Config::new();
    connection
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .password(settings.password.expose_secret())
        .dbname(&settings.database)
        .application_name(service)
        .options(SESSION_SETTINGS)
        .connect_timeout(CONNECT_DEADLINE)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(20));
    connection
}
