//! Why there is no connection, or none of any use.

use deadlines::database::CONNECT_DEADLINE;
use tokio_postgres::Error;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Its name is unknown.
    #[error("the address of '{host}' is not known")]
    Resolve {
        /// As it was configured.
        host: String,
        /// What the resolver says.
        #[source]
        why: std::io::Error,
    },
    /// No address answered in time.
    #[error("no answer within {} s", CONNECT_DEADLINE.as_secs())]
    NoAnswer,
    /// The connection broke, or the server refused it.
    #[error(transparent)]
    Failed(#[from] Error),
    /// There was a connection, of no use.
    #[error(transparent)]
    UnsuitableServer(#[from] UnsuitableServer),
    /// The service is ending.
    #[error("the connection is being closed")]
    Ending,
}

/// Why a connection cannot be used although there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsuitableServer {
    /// A standby, or somebody has set it to read-only.
    #[error("it takes no writes: it is a standby, or set to read-only")]
    ReadOnly,
    /// What was asked for at the login does not hold.
    #[error("sessions there lack settings without which orders may be lost or answers late: {0}")]
    SettingsLost(String),
    /// Statements that were prepared are not found, or those of others are.
    #[error(
        "a connection pooler hands each transaction to another session and does not keep prepared statements"
    )]
    StatementsLost,
}

impl UnsuitableServer {
    /// What the operator can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::ReadOnly => {
                "name the primary server in database.host (DB_HOST), or set default_transaction_read_only = off"
            }
            Self::SettingsLost(_) => {
                "set them for the user (alter role … set …): docs/operations.md, 'Behind PgBouncer', has the commands"
            }
            Self::StatementsLost => {
                "use PgBouncer 1.21 or later with max_prepared_statements = 200 (docs/operations.md, 'Behind PgBouncer'), or connect without it"
            }
        }
    }
}
