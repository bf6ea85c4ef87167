//! Why there is no suitable connection.

use std::error::Error as _;

use deadlines::database::CONNECT_DEADLINE;
use tls::{FilesError, Refusal};
use tokio_postgres::Error;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host name is unknown.
    #[error("the address of '{host}' is not known")]
    Resolve {
        /// The configured host.
        host: String,
        /// The resolver's error.
        #[source]
        why: std::io::Error,
    },
    /// No address answered in time.
    #[error("no answer within {} s", CONNECT_DEADLINE.as_secs())]
    NoAnswer,
    /// The connection broke, or the server refused it.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The server accepted the connection, but is not suitable.
    #[error(transparent)]
    UnsuitableServer(#[from] UnsuitableServer),
    /// There is no connection over TLS with this server.
    #[error("{0}")]
    Tls(Refusal),
    /// The files for TLS cannot be used.
    #[error(transparent)]
    TlsFiles(#[from] FilesError),
    /// The service is shutting down.
    #[error("the connection is being closed")]
    Ending,
}

/// What tokio-postgres says when the server answers no to the question for TLS. It has no code.
const NO_TLS: &str = "server does not support TLS";

impl ConnectError {
    /// Why a connection could not be opened.
    pub(crate) fn of(why: Error) -> Self {
        if let Some(refusal) = Refusal::of(&why) {
            return Self::Tls(refusal);
        }
        let speaks_none = why.source().is_some_and(|source| source.to_string() == NO_TLS);
        if speaks_none { Self::Tls(Refusal::NoTls) } else { Self::Failed(why) }
    }
}

/// Why a server is not suitable although it accepted the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsuitableServer {
    /// It is a standby, or set to read-only.
    #[error("it takes no writes: it is a standby, or set to read-only")]
    ReadOnly,
    /// It was restored from a backup, and its open orders are not held yet.
    #[error("it was restored from a backup, and nobody has said yet what becomes of its open orders")]
    NotRestored,
    /// It is a standby.
    #[error("it is a standby, which may be behind")]
    Standby,
    /// It is a standby that is further behind than allowed, or was promoted.
    #[error("it is a standby that is too far behind, or none any more")]
    Behind,
    /// Session settings requested at the login have no effect.
    #[error("sessions there lack settings without which orders may be lost or answers late: {0}")]
    SettingsLost(String),
    /// Prepared statements are lost, or mixed up with those of other sessions.
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
                "name the primary server in database.host (DB_HOST), or set default_transaction_read_only = off. On a server that was restored \
                 from a backup 'restaurant-ctl restore' does that"
            }
            Self::NotRestored => {
                "run 'restaurant-ctl restore' with the folder of the backup: it holds them, and lets the server take writes"
            }
            Self::Standby => "name the primary server in database.host (DB_HOST), or all servers",
            Self::Behind => "see why the standby of database.read_replica (DB_READ_REPLICA) is behind",
            Self::SettingsLost(_) => {
                "set them for the user (alter role … set …): docs/operations.md, 'Behind PgBouncer', has the commands"
            }
            Self::StatementsLost => {
                "use PgBouncer 1.21 or later with max_prepared_statements = 200 (docs/operations.md, 'Behind PgBouncer'), or connect without it"
            }
        }
    }
}
