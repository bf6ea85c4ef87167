//! Classifies PostgreSQL errors. This is the only place that does, by SQLSTATE and kind of error.
//! It never uses the message, which the server writes in the operator's language.
//!
//! | SQLSTATE, or kind | retry | the connection |
//! |---|---|---|
//! | connection lost (closed, I/O) | may help | is closed |
//! | a value that cannot be encoded or decoded | useless | is closed |
//! | severity FATAL or PANIC | as its code says | is closed |
//! | 08 connection, also PgBouncer's own errors | may help | is closed |
//! | 0A000 of `RevalidateCachedQuery`: the table was altered | prepare again, at once | stays |
//! | 26000 unknown, 42P05 known statement: a pooler mixed them up | prepare again, at once | is closed if that does not help |
//! | 25006 read-only: a standby, or a setting | may help | all are closed: each may lead to the same server |
//! | 25 other transaction states | may help | is closed |
//! | 40 rolled back (serialisation, deadlock) | may help | stays |
//! | 53 out of disk, memory or connections | may help | stays |
//! | 55P03, 55006 locked or in use | may help | stays |
//! | 57014 cancelled, time limit exceeded | may help | stays |
//! | 57P01, 57P02, 57P04 the server or its database shuts down | may help | all are closed |
//! | 57 other interventions | may help | is closed |
//! | 58 the operating system | may help | stays |
//! | all others: the statement itself is refused | useless | stays |
//!
//! A statement had no effect if the server reported an error with severity ERROR. After any other
//! end of a connection, 08 and 40003, its outcome is in doubt.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};
use tls::{FilesError, Section};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError as Refusal, Severity, SqlState};

use crate::connect_error::{ConnectError, UnsuitableServer};
use crate::ids;

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The server cannot be reached.
    #[error("PostgreSQL at {address} cannot be reached")]
    Unreachable {
        /// Host and port.
        address: Arc<str>,
        /// The error of the connection.
        #[source]
        why: ConnectError,
    },
    /// No connection became free in time.
    #[error("all connections to PostgreSQL at {address} were in use for {} s", waited.as_secs())]
    AllInUse {
        /// Host and port.
        address: Arc<str>,
        /// How long the statement waited for a connection.
        waited: Duration,
    },
    /// The server refused the login: a wrong password, an unknown database, too many clients.
    #[error("PostgreSQL at {address} refuses the connection: {reason}")]
    Refused {
        /// Host and port.
        address: Arc<str>,
        /// The server's reason, in its language.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no connection over TLS with this server.
    #[error("PostgreSQL at {address} cannot be used over TLS: {why}")]
    Tls {
        /// Host and port.
        address: Arc<str>,
        /// What is wrong.
        why: tls::Refusal,
    },
    /// The files for TLS cannot be used.
    #[error("the connection to PostgreSQL at {address} cannot be encrypted: {why}")]
    TlsFiles {
        /// Host and port.
        address: Arc<str>,
        /// What is wrong with them, and what to do.
        why: Box<FilesError>,
    },
    /// The server accepted the login, but is not suitable.
    #[error("PostgreSQL at {address} cannot be used: {why}")]
    UnsuitableServer {
        /// Host and port.
        address: Arc<str>,
        /// What is wrong.
        why: UnsuitableServer,
    },
    /// The server exceeded the deadline. The connection was closed.
    #[error("PostgreSQL did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The circuit breaker is open: nothing was asked. So long it stays so.
    #[error("PostgreSQL did not answer before, and is not asked for another {} ms", .0.as_millis())]
    BreakerOpen(Duration),
    /// The server or the connection reported an error.
    #[error("PostgreSQL reported an error{}", ids::advice(.0))]
    Failed(#[from] Error),
    /// A row holds a value that this program cannot interpret.
    #[error("PostgreSQL returned an unexpected value")]
    UnexpectedValue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    pub(crate) fn unexpected(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::UnexpectedValue(why.into())
    }

    pub(crate) fn of_pool(why: PoolError<ConnectError>, address: &Arc<str>, waited: Duration) -> Self {
        let address = Arc::clone(address);
        match why {
            PoolError::Backend(ConnectError::UnsuitableServer(why)) => {
                Self::UnsuitableServer { address, why }
            }
            PoolError::Backend(ConnectError::Failed(why)) => match why.as_db_error() {
                Some(refusal) => Self::Refused {
                    address,
                    reason: refusal.message().to_owned(),
                    advice: advice(refusal.code(), refusal.routine()),
                },
                None => Self::Unreachable { address, why: ConnectError::Failed(why) },
            },
            PoolError::Backend(ConnectError::Tls(why)) => Self::Tls { address, why },
            PoolError::Backend(ConnectError::TlsFiles(why)) => Self::TlsFiles { address, why: Box::new(why) },
            PoolError::Backend(why) => Self::Unreachable { address, why },
            PoolError::Timeout(TimeoutType::Wait) => Self::AllInUse { address, waited },
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                Self::Unreachable { address, why: ConnectError::NoAnswer }
            }
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Self::Unreachable { address, why: ConnectError::Ending }
            }
        }
    }

    fn classification(&self) -> Option<Classification> {
        if let Self::Failed(why) = self { Some(Classification::of(why)) } else { None }
    }

    /// Whether a statement exceeded its time limit.
    pub fn is_statement_timeout(&self) -> bool {
        match self {
            Self::Failed(why) => why.code() == Some(&SqlState::QUERY_CANCELED),
            Self::Timeout(_) => true,
            _ => false,
        }
    }

    /// Whether another transaction held a needed lock for too long, or waited for ours.
    pub(crate) fn is_locked_out(&self) -> bool {
        let Self::Failed(why) = self else { return false };
        matches!(why.code(), Some(&(SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED)))
    }

    /// Whether the server refused the statement itself. A retry would fail too.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::UnexpectedValue(_))
            || self.classification().is_some_and(|classification| classification.retry == Retry::Useless)
    }

    /// Whether the database refuses the values of the statement (SQLSTATE classes 22 and 23): no
    /// other user, and no repair of the database, would make it take them.
    pub fn is_about_values(&self) -> bool {
        let Self::Failed(why) = self else { return false };
        why.code().is_some_and(|code| matches!(code.code().get(..2), Some("22" | "23")))
    }

    /// Whether the statement may have taken effect, or may still do so: its answer was lost.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::UnexpectedValue(_))
            || self.classification().is_some_and(|classification| classification.is_in_doubt)
    }

    /// Whether the user lacks a right. Another user must run it, or grant the right.
    pub fn is_missing_right(&self) -> bool {
        matches!(self, Self::Failed(why) if why.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
    }

    /// What the operator can do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Refused { advice, .. } => Some(advice),
            Self::UnsuitableServer { why, .. } => Some(why.advice()),
            Self::Tls { why, .. } => Some(why.advice(Section::Database)),
            Self::TlsFiles { .. } => Some(
                "correct database.tls_ca, database.tls_cert and database.tls_key (DB_TLS_CA, DB_TLS_CERT, DB_TLS_KEY)",
            ),
            Self::Unreachable { .. } => {
                Some("start PostgreSQL, or correct database.host and database.port (DB_HOST, DB_PORT)")
            }
            Self::AllInUse { .. } => Some("raise database.max_connections (DB_MAX_CONNECTIONS)"),
            Self::Timeout(_) | Self::BreakerOpen(_) | Self::Failed(_) | Self::UnexpectedValue(_) => None,
        }
    }

    /// Whether this table already has a row with the same key.
    pub(crate) fn is_duplicate_in(&self, table: &str) -> bool {
        self.duplicate().is_some_and(|refusal| refusal.table() == Some(table))
    }

    /// Whether the table of this constraint already has a row with the same values.
    pub(crate) fn is_duplicate_of(&self, constraint: &str) -> bool {
        self.duplicate().is_some_and(|refusal| refusal.constraint() == Some(constraint))
    }

    fn duplicate(&self) -> Option<&Refusal> {
        let Self::Failed(why) = self else { return None };
        why.as_db_error().filter(|refusal| *refusal.code() == SqlState::UNIQUE_VIOLATION)
    }
}

/// Whether a retry can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Useless,
    MayHelp,
    /// The prepared statement is stale and had no effect. Prepared again, it works.
    PreparedAnew,
}

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionFate {
    Stays,
    Goes,
    /// All existing connections are closed as soon as they are free.
    AllGo,
}

/// The classification of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Classification {
    pub(crate) retry: Retry,
    pub(crate) is_in_doubt: bool,
    pub(crate) connection: ConnectionFate,
}

/// By the prefix of the SQLSTATE. The first match counts.
const BY_SQLSTATE: &[(&str, Retry, ConnectionFate)] = &[
    ("08", Retry::MayHelp, ConnectionFate::Goes),
    ("26000", Retry::PreparedAnew, ConnectionFate::Stays),
    ("42P05", Retry::PreparedAnew, ConnectionFate::Stays),
    ("25006", Retry::MayHelp, ConnectionFate::AllGo),
    ("25", Retry::MayHelp, ConnectionFate::Goes),
    ("40", Retry::MayHelp, ConnectionFate::Stays),
    ("53", Retry::MayHelp, ConnectionFate::Stays),
    ("55P03", Retry::MayHelp, ConnectionFate::Stays),
    ("55006", Retry::MayHelp, ConnectionFate::Stays),
    ("57014", Retry::MayHelp, ConnectionFate::Stays),
    ("57P01", Retry::MayHelp, ConnectionFate::AllGo),
    ("57P02", Retry::MayHelp, ConnectionFate::AllGo),
    ("57P04", Retry::MayHelp, ConnectionFate::AllGo),
    ("57", Retry::MayHelp, ConnectionFate::Goes),
    ("58", Retry::MayHelp, ConnectionFate::Stays),
    ("", Retry::Useless, ConnectionFate::Stays),
];

/// The function of PostgreSQL that notices that a table was altered since a statement was prepared.
const STALE_PLAN: &str = "RevalidateCachedQuery";

impl Classification {
    /// Classifies an error of a statement.
    pub(crate) fn of(why: &Error) -> Self {
        if let Some(refusal) = why.as_db_error() {
            let severity = refusal.parsed_severity();
            return Self::of_refusal(refusal.code().code(), severity, refusal.routine());
        }
        let is_lost = why.is_closed()
            || std::error::Error::source(why).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        let retry = if is_lost { Retry::MayHelp } else { Retry::Useless };
        Self { retry, is_in_doubt: true, connection: ConnectionFate::Goes }
    }

    fn of_refusal(code: &str, severity: Option<Severity>, routine: Option<&str>) -> Self {
        let is_error = severity == Some(Severity::Error);
        let is_in_doubt = !is_error || code.starts_with("08") || code == "40003";
        if code == "0A000" && routine == Some(STALE_PLAN) {
            return Self { retry: Retry::PreparedAnew, is_in_doubt, connection: ConnectionFate::Stays };
        }
        let entry = BY_SQLSTATE.iter().find(|(start, ..)| code.starts_with(start));
        let (retry, connection) = entry
            .map_or((Retry::Useless, ConnectionFate::Stays), |(_, retry, connection)| (*retry, *connection));
        let connection = if is_error { connection } else { connection.at_least_goes() };
        Self { retry, is_in_doubt, connection }
    }
}

impl ConnectionFate {
    fn at_least_goes(self) -> Self {
        if self == Self::Stays { Self::Goes } else { self }
    }
}

/// Whether a pooler has lost or mixed up prepared statements.
pub(crate) fn is_lost_statement(why: &Error) -> bool {
    let lost = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT];
    why.code().is_some_and(|code| lost.contains(code))
}

/// Ranks refusals of a connection by how much they say.
pub(crate) fn tells_more(refusal: &Refusal) -> u8 {
    // "The database system is starting up": another address may work.
    if *refusal.code() == SqlState::CANNOT_CONNECT_NOW { 1 } else { 2 }
}

/// What to do about a refused connection. `routine` is the function of PostgreSQL that refused it.
fn advice(code: &SqlState, routine: Option<&str>) -> &'static str {
    let class = code.code().get(..2).unwrap_or_default();
    match code.code() {
        "28P01" => "correct database.user or database.password (DB_USER, DB_PASSWORD)",
        "28000" if routine == Some("ClientAuthentication") => {
            "let this user in from this machine (pg_hba.conf). If it is let in over TLS only (hostssl): set database.tls (DB_TLS) to \
             verify-full or require. If it must show a certificate: name one in database.tls_cert (DB_TLS_CERT) and database.tls_key (DB_TLS_KEY)"
        }
        "28000" => {
            "create the user (createuser), let it log in (alter role … login), or correct database.user (DB_USER)"
        }
        "3D000" => "create the database (createdb), or correct database.database (DB_NAME)",
        "42501" => "grant connect on the database to the user",
        "53300" => {
            "raise max_connections of the server or the connection limit of the user, or lower database.max_connections (DB_MAX_CONNECTIONS)"
        }
        "57P03" => "wait: the server is starting, stopping or recovering",
        // PgBouncer reports all its errors so.
        _ if class == "08" => {
            "if PgBouncer is between: ignore_startup_parameters = options, and the other settings of docs/operations.md, 'Behind PgBouncer'. \
             If it demands TLS: set database.tls (DB_TLS) to verify-full or require"
        }
        _ if class == "28" => "see what the server's log says of it; it knows more than it tells",
        _ => "see what the server's log says of it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: Option<Severity> = Some(Severity::Error);
    const FATAL: Option<Severity> = Some(Severity::Fatal);

    #[test]
    fn each_kind_of_refusal_has_its_meaning() {
        use ConnectionFate::{AllGo, Goes, Stays};
        use Retry::{MayHelp, PreparedAnew, Useless};
        for (code, severity, routine, retry, is_in_doubt, connection) in [
            ("0A000", ERROR, Some(STALE_PLAN), PreparedAnew, false, Stays),
            ("0A000", ERROR, Some("transformLockingClause"), Useless, false, Stays),
            ("26000", ERROR, None, PreparedAnew, false, Stays),
            ("42P05", ERROR, None, PreparedAnew, false, Stays),
            ("25006", ERROR, None, MayHelp, false, AllGo),
            ("25P02", ERROR, None, MayHelp, false, Goes),
            ("25P03", FATAL, None, MayHelp, true, Goes),
            ("08006", ERROR, None, MayHelp, true, Goes),
            ("08P01", None, None, MayHelp, true, Goes),
            ("40001", ERROR, None, MayHelp, false, Stays),
            ("40003", ERROR, None, MayHelp, true, Stays),
            ("40P01", ERROR, None, MayHelp, false, Stays),
            ("53100", ERROR, None, MayHelp, false, Stays),
            ("53200", FATAL, None, MayHelp, true, Goes),
            ("55P03", ERROR, None, MayHelp, false, Stays),
            ("57014", ERROR, None, MayHelp, false, Stays),
            ("57P01", FATAL, None, MayHelp, true, AllGo),
            ("57P02", FATAL, None, MayHelp, true, AllGo),
            ("57P03", FATAL, None, MayHelp, true, Goes),
            ("57P05", FATAL, None, MayHelp, true, Goes),
            ("58030", ERROR, None, MayHelp, false, Stays),
            ("23505", ERROR, None, Useless, false, Stays),
            ("42501", ERROR, None, Useless, false, Stays),
            ("42P01", ERROR, None, Useless, false, Stays),
            ("XX000", ERROR, None, Useless, false, Stays),
            ("XX000", Some(Severity::Panic), None, Useless, true, Goes),
            ("P0001", ERROR, None, Useless, false, Stays),
        ] {
            let expected = Classification { retry, is_in_doubt, connection };
            assert_eq!(Classification::of_refusal(code, severity, routine), expected, "{code} {severity:?}");
        }
    }

    #[test]
    fn advice_goes_by_code_and_names_tls() {
        for (code, routine, part) in [
            ("28P01", Some("auth_failed"), "DB_PASSWORD"),
            ("28000", Some("ClientAuthentication"), "DB_TLS"),
            ("28000", Some("ClientAuthentication"), "DB_TLS_CERT"),
            ("08P01", None, "DB_TLS"),
            ("28000", Some("InitializeSessionUserId"), "createuser"),
            ("3D000", Some("InitPostgres"), "createdb"),
            ("53300", Some("InitProcess"), "max_connections"),
            ("57P03", Some("ProcessStartupPacket"), "starting"),
            ("08P01", None, "Behind PgBouncer"),
            ("XX000", None, "server's log"),
        ] {
            let advice = advice(&SqlState::from_code(code), routine);
            assert!(advice.contains(part), "{code}: {advice}");
        }
    }
}
